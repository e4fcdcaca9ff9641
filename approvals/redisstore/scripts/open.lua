-- Starts a request unless one is under way for the same subject.
-- KEYS: 1 request hash, 2 log stream, 3 subject key, 4 work stream, 5 due set, 6 recent requests,
--       7 the subject's requests, 8 events for the audit log
-- ARGV: 1 request id, 2 by, 3 source, 4 detail, 5 expire after (ms), 6 delivery item,
--       7 expiry item, 8 and 9 how many stay in the lists of KEYS 6 and 7,
--       10 how long the subject's list is kept (ms), 11 seal,
--       then delay (ms) and item of each timer
-- The deadline is Redis' own time plus ARGV 5.
-- Returns '' when it was started now or before, else the id of the request that is under way.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return ''
end
local other = redis.call('GET', KEYS[3])
if other then
  return other
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local deadline = now + tonumber(ARGV[5])
redis.call('SET', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], 'seq', 1, 'state', 'open', 'deadline', string.format('%.0f', deadline), 'subject', KEYS[3])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'source:' .. ARGV[3], '1 requested')
end
redis.call('XADD', KEYS[2], '1-0', 'type', 'requested', 'at', string.format('%.0f', now),
  'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4], 'seal', ARGV[11])
redis.call('XADD', KEYS[8], '*', 'request', ARGV[1], 'seq', '1', 'type', 'requested', 'at', string.format('%.0f', now),
  'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4], 'seal', ARGV[11])
redis.call('XADD', KEYS[4], '*', 'item', ARGV[6])
redis.call('ZADD', KEYS[5], string.format('%.0f', deadline), ARGV[7])
for i = 12, #ARGV, 2 do
  redis.call('ZADD', KEYS[5], string.format('%.0f', now + tonumber(ARGV[i])), ARGV[i + 1])
end
for i = 6, 7 do
  redis.call('ZADD', KEYS[i], string.format('%.0f', now), ARGV[1])
  redis.call('ZREMRANGEBYRANK', KEYS[i], 0, -1 - tonumber(ARGV[i + 2]))
end
redis.call('PEXPIRE', KEYS[7], ARGV[10])
return ''
