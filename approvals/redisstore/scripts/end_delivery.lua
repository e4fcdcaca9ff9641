-- Records how far Slack has been told and gives the lease back, unless there is more to tell.
-- KEYS: 1 delivery hash, 2 log stream, 3 due set
-- ARGV: 1 worker, 2 'force' or '', 3 delivery item, 4 when it comes back (ms, '' not at all),
--       5 card, 6 card_seq, 7 cursor, 8 part, 9 intent, 10 posted messages (JSON, '' none), 11 seal
-- Returns 1 when there is more (the lease is kept, unless forced), 0 when there is not, -1 when the
-- lease was lost.
if ask('HGET', KEYS[1], 'worker') ~= ARGV[1] then
  return -1
end
local seq = last(KEYS[2])
local more = tonumber(ARGV[6]) < seq or tonumber(ARGV[7]) < seq
local told = {'card', ARGV[5], 'card_seq', ARGV[6], 'cursor', ARGV[7], 'part', ARGV[8], 'intent', ARGV[9],
  'posted', ARGV[10], 'seal', ARGV[11]}
if not more or ARGV[2] == 'force' then
  if ARGV[4] == '' then
    ask('ZREM', KEYS[3], ARGV[3])
  else
    ask('ZADD', KEYS[3], text(clock() + tonumber(ARGV[4])), ARGV[3])
  end
  told[15], told[16], told[17], told[18] = 'worker', '', 'until', '0'
end
redis.call('HSET', KEYS[1], unpack(told))
return more and 1 or 0
