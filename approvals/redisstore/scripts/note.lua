-- Adds a line to the notes unless its source is noted already.
-- KEYS: 1 notes stream, 2 events for the audit log,
--       3 (with a source) the key that remembers the source
-- ARGV: 1 type, 2 by, 3 source, 4 detail, 5 about how many notes stay,
--       6 how long a source is remembered (ms), 7 seal, 8 time (ms, '' now)
-- Returns 1, 0 when it was noted already, or -2 when the time is not Redis' own.
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
local at = time(ARGV[8], clock())
if not at then
  return -2
end
add(KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'type', ARGV[1], 'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4])
add(KEYS[2], '*', 'request', '', 'seq', '0', 'type', ARGV[1], 'at', text(at),
  'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4], 'seal', ARGV[7])
if KEYS[3] then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[6])
end
return 1
