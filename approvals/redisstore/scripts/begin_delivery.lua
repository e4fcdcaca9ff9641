-- Takes the lease on telling Slack about a request, and sets a timer for a delivery at its end, in
-- case the worker dies. A lease that is longer than any was not given here.
-- KEYS: 1 delivery hash, 2 log stream, 3 due set
-- ARGV: 1 worker, 2 lease (ms), 3 the longest lease (ms), 4 delivery item
-- Returns 'busy', 'unknown', or 'ok', card, card_seq, cursor, part, intent, posted, seal.
if redis.call('EXISTS', KEYS[2]) == 0 then
  return {'unknown'}
end
local now = clock()
local d = ask('HMGET', KEYS[1], 'card', 'card_seq', 'cursor', 'part', 'intent', 'posted', 'seal', 'worker', 'until')
local ends = tonumber(d[9] or '') or 0
if d[8] and d[8] ~= '' and d[8] ~= ARGV[1] and ends > now and ends <= now + tonumber(ARGV[3]) then
  ask('ZADD', KEYS[3], 'LT', text(ends), ARGV[4])
  return {'busy'}
end
ask('ZADD', KEYS[3], text(now + tonumber(ARGV[2])), ARGV[4])
redis.call('HSET', KEYS[1], 'worker', ARGV[1], 'until', text(now + tonumber(ARGV[2])))
-- A delivery that begins after the request ended goes when the request goes. One that began before
-- is given its end by commit.lua.
local left = not d[2] and redis.call('PTTL', KEYS[2]) or 0
if left > 0 then
  redis.call('PEXPIRE', KEYS[1], left)
end
return {'ok', d[1] or '', d[2] or '', d[3] or '', d[4] or '', d[5] or '', d[6] or '', d[7] or ''}
