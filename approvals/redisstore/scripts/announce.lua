-- Tells the other processes what this one says, and reads what all of them have said of late.
-- KEYS: 1 what was said
-- ARGV: 1 what this process says, 2 how long it counts (ms)
-- Returns the newest hundred.
local now = clock()
ask('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - ARGV[2]))
redis.call('ZADD', KEYS[1], text(now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZREVRANGE', KEYS[1], 0, 99)
