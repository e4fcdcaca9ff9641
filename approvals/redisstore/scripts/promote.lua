-- Moves what has come due from the timers to the work stream.
-- KEYS: 1 work stream, 2 due set
-- ARGV: 1 at most so many
-- Returns Redis' time (ms), and when the next timer comes due (ms); only the time when there is
-- none.
local now, due = clock(), {}
local timers = ask('ZRANGE', KEYS[2], 0, ARGV[1], 'WITHSCORES')
local next
for i = 1, #timers, 2 do
  next = timers[i + 1]
  if (tonumber(next) or math.huge) > now or #due == tonumber(ARGV[1]) then
    break
  end
  due[#due + 1], next = timers[i], nil
end
for _, item in ipairs(due) do
  add(KEYS[1], '*', 'item', item)
end
if due[1] then
  redis.call('ZREM', KEYS[2], unpack(due))
end
return {text(now), next and text(math.min(tonumber(next) or math.huge, now + 1e9))}
