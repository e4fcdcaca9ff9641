-- Appends events to a log, moves the state, queues work and sets timers, all or nothing.
-- KEYS: 1 request hash, 2 log stream, 3 subject key, 4 work stream, 5 due set, 6 delivery hash
-- ARGV: 1 expected seq (-1: any), 2 next state ('': as it is), 3 'ends' when the next state is an ended one, else '',
--       4 'before', 'after' or '' (how Redis' clock must stand to the deadline), 5 how long an ended request is kept (ms),
--       6 number of events, then type, by, source, detail of each,
--       then number of work items, then each, then number of due items, then delay (ms) and item of each
-- Returns 'ok', 'unknown', 'conflict', 'late' or 'early'.
local seq = redis.call('HGET', KEYS[1], 'seq')
if not seq then
  return 'unknown'
end
seq = tonumber(seq)
local expected = tonumber(ARGV[1])
if expected >= 0 and expected ~= seq then
  return 'conflict'
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local deadline = tonumber(redis.call('HGET', KEYS[1], 'deadline'))
if ARGV[4] == 'before' and now >= deadline then
  return 'late'
end
if ARGV[4] == 'after' and now < deadline then
  return 'early'
end
local i = 6
local events = tonumber(ARGV[i])
i = i + 1
for _ = 1, events do
  seq = seq + 1
  redis.call('XADD', KEYS[2], seq .. '-0', 'type', ARGV[i], 'at', string.format('%.0f', now),
    'by', ARGV[i + 1], 'source', ARGV[i + 2], 'detail', ARGV[i + 3])
  i = i + 4
end
redis.call('HSET', KEYS[1], 'seq', seq)
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'state', ARGV[2])
end
if ARGV[3] == 'ends' then
  redis.call('HSET', KEYS[1], 'ended', string.format('%.0f', now))
  redis.call('DEL', KEYS[3])
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
  redis.call('ZADD', KEYS[5], string.format('%.0f', now + tonumber(ARGV[i])), ARGV[i + 1])
  i = i + 2
end
if redis.call('HEXISTS', KEYS[1], 'ended') == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  redis.call('PEXPIRE', KEYS[6], ARGV[5])
end
return 'ok'
