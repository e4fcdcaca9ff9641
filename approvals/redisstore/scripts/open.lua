-- Starts a request unless one is under way for the same subject.
-- KEYS: 1 request hash, 2 log stream, 3 subject key, 4 work stream, 5 due set, 6 recent requests,
--       7 the subject's requests, 8 events for the audit log
-- ARGV: 1 request id, 2 by, 3 source, 4 detail, 5 delivery item,
--       6 and 7 how many stay in the lists of KEYS 6 and 7,
--       8 how long the subject's list is kept (ms), 9 seal, 10 time (ms, '' now),
--       11 a request that is not under way although the subject key says so ('' none),
--       then delay (ms) and item of each timer, the expiry among them; without a delay it is queued
-- Returns '' when it was started now or before, 'set back' when its log is gone, 'clock', or
-- 'other' and the id of the request that is under way.
if last(KEYS[2]) > 0 then
  return {''}
end
if ask('HGET', KEYS[1], 'seq') then
  return {'set back'}
end
local other = ask('GET', KEYS[3])
if other and other ~= ARGV[11] then
  return {'other', other}
end
local at = time(ARGV[10], clock())
if not at then
  return {'clock'}
end
add(KEYS[8], '*', 'request', ARGV[1], 'seq', '1', 'type', 'requested', 'at', text(at),
  'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4], 'seal', ARGV[9])
add(KEYS[2], '1-0', 'type', 'requested', 'at', text(at),
  'by', ARGV[2], 'source', ARGV[3], 'detail', ARGV[4], 'seal', ARGV[9])
for i = 12, #ARGV, 2 do
  if tonumber(ARGV[i]) <= 0 then
    add(KEYS[4], '*', 'item', ARGV[i + 1])
  end
end
redis.call('SET', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[1], 'seq', 1, 'state', 'open')
local timers = {text(at), ARGV[5]} -- the replica that opens a request delivers it, then this one is not needed
for i = 12, #ARGV, 2 do
  if tonumber(ARGV[i]) > 0 then
    timers[#timers + 1] = text(at + tonumber(ARGV[i]))
    timers[#timers + 1] = ARGV[i + 1]
  end
end
ask('ZADD', KEYS[5], unpack(timers))
for i = 6, 7 do
  ask('ZADD', KEYS[i], text(at), ARGV[1])
  redis.call('ZREMRANGEBYRANK', KEYS[i], 0, -1 - tonumber(ARGV[i]))
end
redis.call('PEXPIRE', KEYS[7], ARGV[8])
return {''}
