-- Counts one more act under a name, in a window that begins with the first.
-- KEYS: 1 counter
-- ARGV: 1 most in a window, 2 window (ms)
-- Returns 0 when the act is allowed, else how long it is until the window ends (ms).
local n = tonumber(redis.call('GET', KEYS[1]) or '0')
if n >= tonumber(ARGV[1]) then
  return math.max(1, redis.call('PTTL', KEYS[1]))
end
redis.call('INCR', KEYS[1])
if n == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
