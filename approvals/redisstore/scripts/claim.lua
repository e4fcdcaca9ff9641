-- Hands out items that a worker took and has not kept. The look and the claim are one step, so that
-- of two workers that look at once only one is handed the item. The count of tries stays as it is:
-- begin.lua counts.
-- KEYS: 1 work stream
-- ARGV: 1 group, 2 worker, 3 how long an item must have been left alone (ms), 4 at most so many
-- Returns stream id, which try it would be, and item of each, one after the other. Fails with
-- NOGROUP when the group is gone.
local left = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', ARGV[4])
local items = {}
for _, pending in ipairs(left) do
  local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], pending[1], 'RETRYCOUNT', pending[4])
  if claimed[1] then
    local item = ''
    local fields = claimed[1][2]
    for f = 1, #fields, 2 do
      if fields[f] == 'item' then
        item = fields[f + 1]
      end
    end
    items[#items + 1] = pending[1]
    items[#items + 1] = text(pending[4] + 1)
    items[#items + 1] = item
  else
    redis.call('XACK', KEYS[1], ARGV[1], pending[1])
  end
end
return items
