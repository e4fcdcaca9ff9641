-- Looks at what waits, and changes nothing.
-- KEYS: 1 work stream, 2 due set, 3 stream of what was parked
-- Returns the time (ms), the length of the work stream, when its first entry was queued (ms, -1
-- without one), the number of timers, when the first comes due (ms, -1 without one), and the length
-- of the last stream.
local t = redis.call('TIME')
local queued = -1
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if #first > 0 then
  queued = tonumber(string.match(first[1][1], '^(%d+)-'))
end
local due = -1
local timer = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #timer > 0 then
  due = tonumber(timer[2])
end
return {
  t[1] * 1000 + math.floor(t[2] / 1000),
  redis.call('XLEN', KEYS[1]), queued,
  redis.call('ZCARD', KEYS[2]), due,
  redis.call('XLEN', KEYS[3])
}
