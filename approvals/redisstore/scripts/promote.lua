-- Moves what has come due from the timers to the work stream.
-- KEYS: 1 work stream, 2 due set
-- ARGV: 1 at most so many
-- Returns how long it is until the next timer (ms), and which that is: its item and time; nothing
-- when there is none.
local now = clock()
local due = ask('ZRANGEBYSCORE', KEYS[2], '-inf', text(now), 'LIMIT', 0, ARGV[1])
for _, item in ipairs(due) do
  add(KEYS[1], '*', 'item', item)
end
if due[1] then
  redis.call('ZREM', KEYS[2], unpack(due))
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if next[1] then
  return {text(math.max(0, tonumber(next[2]) - now)), next[1], next[2]}
end
return {}
