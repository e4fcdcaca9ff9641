-- Counts an act under a name, in a window that begins with the first. An act that was allowed in
-- this window is allowed again and not counted twice.
-- KEYS: 1 acts
-- ARGV: 1 most in a window, 2 window (ms), 3 the act
-- Returns 0 when the act is allowed, else how long it is until the window ends (ms).
if redis.call('SISMEMBER', KEYS[1], ARGV[3]) == 1 then
  return 0
end
local n = redis.call('SCARD', KEYS[1])
if n >= tonumber(ARGV[1]) then
  return math.max(1, redis.call('PTTL', KEYS[1]))
end
redis.call('SADD', KEYS[1], ARGV[3])
if n == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
