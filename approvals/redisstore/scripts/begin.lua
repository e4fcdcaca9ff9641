-- Counts a try of an item that was claimed. Claiming alone counts none: its answer may never
-- arrive.
-- KEYS: 1 work stream
-- ARGV: 1 group, 2 worker, 3 stream id, 4 which try this is
-- The count is set, not raised, so that a step that is told again counts once.
-- Returns 1, or 0 when the item is not this worker's any more: it was finished, or another worker
-- has claimed it.
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if not mine[1] then
  return 0
end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
