-- Appends events to a log, moves the state, queues work and sets timers, all or nothing.
-- KEYS: 1 request hash, 2 log stream, 3 subject key, 4 work stream, 5 due set, 6 delivery hash,
--       7 events for the audit log
-- ARGV: 1 request id, 2 expected seq (-1: any), 3 next state ('': as it is),
--       4 the states from which the events lead there, each between spaces ('': the events move
--       nothing, any state will do), 5 'ends' when the next state is an ended one, else '',
--       6 'before', 'after' or '' (how Redis' clock must stand to the deadline),
--       7 how long an ended request is kept (ms), 8 number of events,
--       then type, by, source, detail of each, then number of work items, then each,
--       then number of due items, then delay (ms) and item of each,
--       and at the end the seal of each event
-- The request hash remembers the source of every event, so that a transition that was committed and
-- is told again, because its answer was lost, answers 'ok' and changes nothing.
-- Returns 'ok', 'unknown', 'conflict', 'illegal', 'late' or 'early'.
local request = redis.call('HMGET', KEYS[1], 'seq', 'deadline', 'ended', 'state')
if not request[1] then
  return 'unknown'
end
local seq = tonumber(request[1])
local expected = tonumber(ARGV[2])
local events = tonumber(ARGV[8])
for n = 1, events do
  local kind, source = ARGV[4 * n + 5], ARGV[4 * n + 7]
  local told = source ~= '' and redis.call('HGET', KEYS[1], 'source:' .. source)
  if told and (expected == -1 or told == (expected + n) .. ' ' .. kind) then
    return 'ok'
  end
end
if expected ~= -1 and expected ~= seq then
  return 'conflict'
end
if ARGV[4] ~= '' and not string.find(ARGV[4], ' ' .. (request[4] or '') .. ' ', 1, true) then
  return 'illegal'
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local deadline = tonumber(request[2])
if ARGV[6] == 'before' and now >= deadline then
  return 'late'
end
if ARGV[6] == 'after' and now < deadline then
  return 'early'
end
local i = 9
for n = 1, events do
  seq = seq + 1
  local seal = ARGV[#ARGV - events + n]
  redis.call('XADD', KEYS[2], seq .. '-0', 'type', ARGV[i], 'at', string.format('%.0f', now),
    'by', ARGV[i + 1], 'source', ARGV[i + 2], 'detail', ARGV[i + 3], 'seal', seal)
  redis.call('XADD', KEYS[7], '*', 'request', ARGV[1], 'seq', seq, 'type', ARGV[i], 'at', string.format('%.0f', now),
    'by', ARGV[i + 1], 'source', ARGV[i + 2], 'detail', ARGV[i + 3], 'seal', seal)
  if ARGV[i + 2] ~= '' then
    redis.call('HSETNX', KEYS[1], 'source:' .. ARGV[i + 2], seq .. ' ' .. ARGV[i])
  end
  i = i + 4
end
redis.call('HSET', KEYS[1], 'seq', seq)
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'state', ARGV[3])
end
if ARGV[5] == 'ends' then
  redis.call('HSET', KEYS[1], 'ended', string.format('%.0f', now))
  if redis.call('GET', KEYS[3]) == ARGV[1] then
    redis.call('DEL', KEYS[3])
  end
end
local work = tonumber(ARGV[i])
i = i + 1
for _ = 1, work do
  redis.call('XADD', KEYS[4], '*', 'item', ARGV[i])
  i = i + 1
end
local due = tonumber(ARGV[i])
i = i + 1
for _ = 1, due do
  if tonumber(ARGV[i]) <= 0 then
    redis.call('XADD', KEYS[4], '*', 'item', ARGV[i + 1])
  else
    redis.call('ZADD', KEYS[5], 'LT', string.format('%.0f', now + tonumber(ARGV[i])), ARGV[i + 1])
  end
  i = i + 2
end
if request[3] or ARGV[5] == 'ends' then
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
  redis.call('PEXPIRE', KEYS[6], ARGV[7])
end
return 'ok'
