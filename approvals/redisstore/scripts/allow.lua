-- Counts an act under a name, in a window that begins with the first. An act that was allowed in
-- this window is allowed again and not counted twice. A set that holds more than can be, or lasts
-- longer, was filled by someone else and goes.
-- KEYS: 1 acts
-- ARGV: 1 most in a window, 2 window (ms), 3 the act
-- Returns 0 when the act is allowed, else how long it is until the window ends (ms).
if ask('SADD', KEYS[1], ARGV[3]) == 0 then
  return 0
end
local n = redis.call('SCARD', KEYS[1]) - 1
local left = n > 0 and redis.call('PTTL', KEYS[1]) or 0
if n > tonumber(ARGV[1]) or left < 0 or left > tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
  redis.call('SADD', KEYS[1], ARGV[3])
  n = 0
end
if n == tonumber(ARGV[1]) then
  redis.call('SREM', KEYS[1], ARGV[3])
  return math.max(1, left)
end
if n == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
