-- Resets the time for which items were left alone. An item that another worker claimed meanwhile
-- stays with that one, and the count of tries stays as it is.
-- KEYS: 1 work stream
-- ARGV: 1 group, 2 worker, then stream ids
-- Returns how many of the items are still this worker's.
local wanted, by, kept = {}, {}, 0
for i = 3, #ARGV do
  wanted[ARGV[i]] = true
end
for _, mine in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 5000, ARGV[2])) do
  if wanted[mine[1]] then
    by[mine[4]] = by[mine[4]] or {}
    table.insert(by[mine[4]], mine[1])
    kept = kept + 1
  end
end
for tries, ids in pairs(by) do
  table.insert(ids, 'RETRYCOUNT')
  table.insert(ids, tries)
  table.insert(ids, 'JUSTID')
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))
end
return kept
