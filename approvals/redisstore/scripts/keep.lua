-- Resets the time for which items were left alone. An item that another worker claimed meanwhile
-- stays with that one, and the count of tries stays as it is.
-- KEYS: 1 work stream
-- ARGV: 1 group, 2 worker, then stream ids
-- Returns how many of the items are still this worker's.
local kept = 0
for i = 3, #ARGV do
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if mine[1] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'RETRYCOUNT', mine[1][4], 'JUSTID')
    kept = kept + 1
  end
end
return kept
