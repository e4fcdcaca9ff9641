-- Gives the lease back, unless there is more to tell.
-- KEYS: 1 delivery hash, 2 request hash
-- ARGV: 1 worker, 2 'force' or ''
-- Returns 1 when there is more (the lease is kept, unless forced), 0 when there is not, -1 when the
-- lease was lost.
if redis.call('HGET', KEYS[1], 'worker') ~= ARGV[1] then
  return -1
end
local d = redis.call('HMGET', KEYS[1], 'card_seq', 'cursor')
local seq = tonumber(redis.call('HGET', KEYS[2], 'seq') or '0')
local more = tonumber(d[1] or '0') < seq or tonumber(d[2] or '0') < seq
if more and ARGV[2] ~= 'force' then
  return 1
end
redis.call('HDEL', KEYS[1], 'worker', 'until')
if more then
  return 1
end
return 0
