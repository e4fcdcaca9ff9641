-- Adds a line to the notes unless its source is noted already.
-- KEYS: 1 notes stream, 2 events for the audit log,
--       3 (with a source) the key that remembers the source
-- ARGV: 1 type, 2 by, 3 source, 4 detail, 5 about how many notes stay,
--       6 how long a source is remembered (ms), 7 seal
-- Returns 1, or 0 when it was noted already.
if KEYS[3] and not redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[6]) then
  return 0
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*',
  'type', ARGV[1], 'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4])
local t = redis.call('TIME')
redis.call('XADD', KEYS[2], '*', 'request', '', 'seq', '0', 'type', ARGV[1],
  'at', string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)),
  'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4], 'seal', ARGV[7])
return 1
