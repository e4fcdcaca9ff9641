-- Appends events to a log, queues work and sets timers, all or nothing.
-- KEYS: 1 request hash, 2 log stream, 3 subject key, 4 work stream, 5 due set, 6 delivery hash,
--       7 events for the audit log, 8 the subject's requests
-- ARGV: 1 request id, 2 expected seq, 3 seal of that event, 4 state after it,
--       5 'ends' when the request ends now, 'ended' when it has, else '',
--       6 'before', 'after' or '' (how Redis' clock must stand to the deadline), 7 deadline (ms),
--       8 time of the events (ms, '' now), 9 how long an ended request is kept (ms),
--       10 'forget' to take it off the subject's list, else '', 11 number of events,
--       12 delivery item, then type, by, source, detail, seal of each, then number of work items,
--       then each, then number of due items, then delay (ms) and item of each
-- A delivery is queued unless one is under way or comes within ten seconds: its timer tells.
-- A transition that was committed and is told again, because its answer was lost, answers 'ok' and
-- changes nothing.
-- Returns 'ok', 'unknown', 'conflict', 'set back' and the highest number, 'clock', 'late' or
-- 'early'.
local seq, fields = last(KEYS[2])
if seq == 0 then
  return {'unknown'}
end
local expected, events = tonumber(ARGV[2]), tonumber(ARGV[11])
if expected ~= seq or (fields.seal or '') ~= ARGV[3] then
  local there = redis.call('XRANGE', KEYS[2], text(expected + 1) .. '-0', '+', 'COUNT', events)
  for n = 1, #there do
    local told = {}
    for f = 1, #there[n][2], 2 do
      told[there[n][2][f]] = there[n][2][f + 1]
    end
    local a = 8 + 5 * n
    if told.source ~= '' and told.type == ARGV[a] and told.source == ARGV[a + 2] then
      return {'ok'}
    end
  end
  return {'conflict'}
end
local highest = tonumber(ask('HGET', KEYS[1], 'seq') or '')
if highest and highest > seq then
  return {'set back', text(highest)}
end
local now = clock()
local at = time(ARGV[8], now)
local deadline = tonumber(ARGV[7])
if not at then
  return {'clock'}
elseif ARGV[6] == 'before' and now >= deadline then
  return {'late'}
elseif ARGV[6] == 'after' and now < deadline then
  return {'early'}
end
local comes = tonumber(ask('ZSCORE', KEYS[5], ARGV[12]) or '')
local i = 13 + 5 * events
for n = 1, events do
  local a = 8 + 5 * n
  add(KEYS[7], '*', 'request', ARGV[1], 'seq', seq + n, 'type', ARGV[a], 'at', text(at),
    'by', ARGV[a + 1], 'source', ARGV[a + 2], 'detail', ARGV[a + 3], 'seal', ARGV[a + 4])
end
if not comes or comes > now + 10000 then
  add(KEYS[4], '*', 'item', ARGV[12])
end
for n = 1, tonumber(ARGV[i]) do
  add(KEYS[4], '*', 'item', ARGV[i + n])
end
i = i + 1 + tonumber(ARGV[i])
for n = 1, tonumber(ARGV[i]) do
  if tonumber(ARGV[i + 2 * n - 1]) <= 0 then
    add(KEYS[4], '*', 'item', ARGV[i + 2 * n])
  end
end
for n = 1, events do
  local a = 8 + 5 * n
  add(KEYS[2], seq + n .. '-0', 'type', ARGV[a], 'at', text(at),
    'by', ARGV[a + 1], 'source', ARGV[a + 2], 'detail', ARGV[a + 3], 'seal', ARGV[a + 4])
end
local soonest, timers = {}, {}
for n = 1, tonumber(ARGV[i]) do
  local delay, item = tonumber(ARGV[i + 2 * n - 1]), ARGV[i + 2 * n]
  if delay > 0 then
    soonest[item] = math.min(soonest[item] or delay, delay)
  end
end
for item, delay in pairs(soonest) do
  timers[#timers + 1] = text(at + delay)
  timers[#timers + 1] = item
end
if timers[1] then
  ask('ZADD', KEYS[5], 'LT', unpack(timers))
end
redis.call('HSET', KEYS[1], 'seq', seq + events, 'state', ARGV[4])
if ARGV[5] == 'ends' and ask('GET', KEYS[3]) == ARGV[1] then
  redis.call('DEL', KEYS[3])
end
if ARGV[10] == 'forget' then
  ask('ZREM', KEYS[8], ARGV[1])
end
-- What has ended is kept from its last event on, to a thousandth of the time.
local part, before = math.max(1, ARGV[9] / 1000), tonumber(fields.at) or 0
if ARGV[5] == 'ends' or ARGV[5] == 'ended' and math.floor(at / part) ~= math.floor(before / part) then
  redis.call('PEXPIRE', KEYS[1], text(2 * ARGV[9]))
  redis.call('PEXPIRE', KEYS[2], ARGV[9])
  redis.call('PEXPIRE', KEYS[6], ARGV[9])
end
return {'ok'}
