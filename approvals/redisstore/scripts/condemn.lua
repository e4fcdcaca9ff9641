-- Replaces what of a log is not to be trusted, and ends the request. What stood there is put aside
-- for a person to look at.
-- KEYS: 1 request hash, 2 log stream, 3 work stream, 4 delivery hash, 5 set-aside stream,
--       6 events for the audit log,
--       7 the subject key of the request hash, or one of the request's own,
--       8… other subject keys that it may hold
-- ARGV: 1 request id, 2 entries that the log had when it was read, 3 how many of them stay,
--       4 the state that all comes to, 5 delivery item, 6 why, 7 about how many stay aside,
--       8 how long an ended request is kept (ms), 9 number of events,
--       then at (ms, '' now), type, by, source, detail, seal of each
-- Of the events only the last is for the audit log: the others stand in the place of what was
-- there.
-- Returns 'ok' or 'conflict'.
local log = redis.call('XRANGE', KEYS[2], '-', '+')
if #log ~= tonumber(ARGV[2]) then
  return 'conflict'
end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local seq = tonumber(ARGV[3])
local function of(entry, name)
  for f = 1, #entry[2], 2 do
    if entry[2][f] == name then
      return entry[2][f + 1]
    end
  end
  return ''
end
redis.call('DEL', KEYS[2])
-- The request hash forgets the sources of what is put aside, so that it can be told again, and
-- knows those of what stays, also one that was copied: hence from the end on.
for n = #log, 1, -1 do
  local source = of(log[n], 'source')
  if n > seq then
    redis.call('HDEL', KEYS[1], 'source:' .. source)
  elseif source ~= '' then
    redis.call('HSET', KEYS[1], 'source:' .. source, n .. ' ' .. of(log[n], 'type'))
  end
end
for n = 1, #log do
  if n <= seq then
    redis.call('XADD', KEYS[2], n .. '-0', unpack(log[n][2]))
  else
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[7], '*', 'item', cjson.encode(log[n]), 'reason', ARGV[6])
  end
end
local events = tonumber(ARGV[9])
local a = 10
for n = 1, events do
  seq = seq + 1
  local at = ARGV[a]
  if at == '' then
    at = now
  end
  redis.call('XADD', KEYS[2], seq .. '-0', 'type', ARGV[a + 1], 'at', at,
    'by', ARGV[a + 2], 'source', ARGV[a + 3], 'detail', ARGV[a + 4], 'seal', ARGV[a + 5])
  if n == events then
    redis.call('XADD', KEYS[6], '*', 'request', ARGV[1], 'seq', seq, 'type', ARGV[a + 1], 'at', at,
      'by', ARGV[a + 2], 'source', ARGV[a + 3], 'detail', ARGV[a + 4], 'seal', ARGV[a + 5])
  end
  a = a + 6
end
redis.call('HSET', KEYS[1], 'seq', seq, 'state', ARGV[4])
redis.call('HSETNX', KEYS[1], 'ended', now)
redis.call('HSETNX', KEYS[1], 'deadline', now)
redis.call('HSET', KEYS[1], 'subject', KEYS[7])
-- Slack may have been told of what is not there any more; the last event is still to be told.
for _, mark in ipairs({'card_seq', 'cursor', 'intent'}) do
  if tonumber(redis.call('HGET', KEYS[4], mark) or '0') >= seq then
    redis.call('HSET', KEYS[4], mark, string.format('%.0f', seq - 1))
  end
end
for i = 7, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[1] then
    redis.call('DEL', KEYS[i])
  end
end
redis.call('XADD', KEYS[3], '*', 'item', ARGV[5])
for _, i in ipairs({1, 2, 4}) do
  redis.call('PEXPIRE', KEYS[i], ARGV[8])
end
return 'ok'
