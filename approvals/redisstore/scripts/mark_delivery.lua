-- Records how far Slack has been told, and extends the lease.
-- KEYS: 1 delivery hash
-- ARGV: 1 worker, 2 lease (ms), 3 card, 4 card_seq, 5 cursor, 6 part, 7 intent,
--       8 posted messages (JSON, '' none), 9 seal
-- Returns 1, or 0 when another worker holds the lease.
if ask('HGET', KEYS[1], 'worker') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'until', text(clock() + tonumber(ARGV[2])), 'card', ARGV[3], 'card_seq', ARGV[4],
  'cursor', ARGV[5], 'part', ARGV[6], 'intent', ARGV[7], 'posted', ARGV[8], 'seal', ARGV[9])
return 1
