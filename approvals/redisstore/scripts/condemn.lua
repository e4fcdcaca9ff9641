-- Replaces a log, and ends the request. What stood there is parked for a person to look at.
-- KEYS: 1 request hash, 2 log stream, 3 work stream, 4 delivery hash, 5 where the old log goes,
--       6 events for the audit log, 7… subject keys that the request may hold
-- ARGV: 1 request id, 2 entries that the log had when it was read, 3 the state that all comes to,
--       4 delivery item, 5 how long an ended request is kept (ms), 6 number of events,
--       then at (ms), type, by, source, detail, seal of each
-- Of the events only the last is for the audit log.
-- Returns 'ok' or 'conflict'.
local entries = redis.pcall('XLEN', KEYS[2])
if wrong(entries) then
  entries = 0
end
if entries ~= tonumber(ARGV[2]) then
  return 'conflict'
end
local seq = tonumber(ARGV[6])
local a = 1 + 6 * seq
add(KEYS[6], '*', 'request', ARGV[1], 'seq', seq, 'type', ARGV[a + 1], 'at', ARGV[a],
  'by', ARGV[a + 2], 'source', ARGV[a + 3], 'detail', ARGV[a + 4], 'seal', ARGV[a + 5])
add(KEYS[3], '*', 'item', ARGV[4])
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[5])
  redis.call('PEXPIRE', KEYS[5], ARGV[5])
end
for n = 1, seq do
  a = 1 + 6 * n
  redis.call('XADD', KEYS[2], n .. '-0', 'type', ARGV[a + 1], 'at', ARGV[a],
    'by', ARGV[a + 2], 'source', ARGV[a + 3], 'detail', ARGV[a + 4], 'seal', ARGV[a + 5])
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'seq', seq, 'state', ARGV[3])
for i = 7, #KEYS do
  if ask('GET', KEYS[i]) == ARGV[1] then
    redis.call('DEL', KEYS[i])
  end
end
for _, i in ipairs({1, 2, 4}) do
  redis.call('PEXPIRE', KEYS[i], ARGV[5])
end
return 'ok'
