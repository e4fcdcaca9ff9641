-- Records how far Slack has been told, and extends the lease.
-- KEYS: 1 delivery hash
-- ARGV: 1 worker, 2 lease (ms), 3 card, 4 card_seq, 5 cursor, 6 part, 7 intent,
--       8 living messages (JSON, '' none)
-- Returns 1, or 0 when another worker holds the lease.
if redis.call('HGET', KEYS[1], 'worker') ~= ARGV[1] then
  return 0
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + tonumber(ARGV[2])),
  'card', ARGV[3], 'card_seq', ARGV[4], 'cursor', ARGV[5], 'part', ARGV[6], 'intent', ARGV[7], 'living', ARGV[8])
return 1
