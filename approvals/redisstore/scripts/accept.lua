-- Puts an item into the inbox unless one of its ids was seen before.
-- KEYS: 1 work stream, 2… one key for each id
-- ARGV: 1 item (JSON), 2 how long an id is remembered (ms), 3 how many items may wait,
--       4 the time in the item (ms, '' none)
-- Returns 1 when the item was queued, 0 when it had been seen, -1 when too many wait, -2 when the
-- time is not Redis' own.
if KEYS[2] and redis.call('EXISTS', KEYS[2], unpack(KEYS, 3)) > 0 then
  return 0
end
if ask('XLEN', KEYS[1]) >= tonumber(ARGV[3]) then
  return -1
end
add(KEYS[1], '*', 'item', ARGV[1])
-- The new entry's id has Redis' time, unless someone else wrote one ahead of it.
local now = tonumber(string.match(added[1][2], '^(%d+)'))
if not time(ARGV[4], now) and not time(ARGV[4], clock()) then
  redis.call('XDEL', KEYS[1], added[1][2])
  return -2
end
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], '1', 'PX', ARGV[2])
end
return 1
