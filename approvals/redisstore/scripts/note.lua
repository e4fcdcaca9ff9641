-- Adds a line to the notes unless its source is noted already.
-- KEYS: 1 notes stream, 2 (with a source) the key that remembers the source
-- ARGV: 1 type, 2 by, 3 source, 4 detail, 5 about how many notes stay, 6 how long a source is remembered (ms)
-- Returns 1, or 0 when it was noted already.
if KEYS[2] and not redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[6]) then
  return 0
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'type', ARGV[1], 'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4])
return 1
