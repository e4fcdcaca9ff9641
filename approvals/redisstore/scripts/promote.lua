-- Moves what has come due from the timers to the work stream.
-- KEYS: 1 work stream, 2 due set
-- ARGV: 1 at most so many
-- Returns how long it is until the next timer (ms), -1 when there is none.
local now = clock()
local due = ask('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'LIMIT', 0, ARGV[1])
for _, item in ipairs(due) do
  add(KEYS[1], '*', 'item', item)
end
for _, item in ipairs(due) do
  redis.call('ZREM', KEYS[2], item)
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #next == 0 then
  return -1
end
return math.max(0, tonumber(next[2]) - now)
