-- Gives the lease back, unless there is more to tell.
-- KEYS: 1 delivery hash, 2 log stream
-- ARGV: 1 worker, 2 'force' or ''
-- Returns 1 when there is more (the lease is kept, unless forced), 0 when there is not, -1 when the
-- lease was lost.
local d = ask('HMGET', KEYS[1], 'worker', 'card_seq', 'cursor')
if d[1] ~= ARGV[1] then
  return -1
end
local seq = last(KEYS[2])
local more = (tonumber(d[2] or '') or 0) < seq or (tonumber(d[3] or '') or 0) < seq
if more and ARGV[2] ~= 'force' then
  return 1
end
redis.call('HDEL', KEYS[1], 'worker', 'until')
if more then
  return 1
end
return 0
