-- Appends lines to the audit chain and takes the events that they are made of off the queue, if the
-- chain ends where the lines begin.
-- KEYS: 1 events for the audit log, 2 chain, 3 head hash
-- ARGV: 1 and 2 number and hash of the line that the new ones follow,
--       3 hash of the last of the new ones, 4 how long a line is kept (ms),
--       then stream id of the event and line, for each
-- Returns 'ok', 'moved' when the chain ends elsewhere or an event is not queued any more, 'torn'
-- when its last line is not the one that its head names.
local head = redis.call('HMGET', KEYS[3], 'n', 'hash')
local n = tonumber(head[1] or '0')
if n ~= tonumber(ARGV[1]) or head[2] and head[2] ~= ARGV[2] then
  return 'moved'
end
local ids, queued = {}, redis.call('XRANGE', KEYS[1], ARGV[5], ARGV[#ARGV - 1])
for i = 5, #ARGV, 2 do
  ids[(i - 3) / 2] = ARGV[i]
  if not queued[#ids] or queued[#ids][1] ~= ARGV[i] then
    return 'moved'
  end
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
if last[1] and tonumber(string.match(last[1][1], '^%d+')) ~= n then
  return 'torn'
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 5, #ARGV, 2 do
  n = n + 1
  add(KEYS[2], text(n) .. '-0', 'line', ARGV[i + 1], 'at', text(now))
end
redis.call('XDEL', KEYS[1], unpack(ids))
redis.call('HSET', KEYS[3], 'n', string.format('%.0f', n), 'hash', ARGV[3])
-- Every thousandth of that time lines are given their time, and those that are older go.
local part = math.max(1, ARGV[4] / 1000)
if last[1] and math.floor(now / part) == math.floor(tonumber(last[1][2][4]) / part) then
  return 'ok'
end
redis.call('PEXPIRE', KEYS[2], text(tonumber(ARGV[4]) + part))
for _ = 1, 10000 do
  local old = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
  if not old[1] or tonumber(old[1][2][4]) + tonumber(ARGV[4]) >= now then
    break
  end
  redis.call('XDEL', KEYS[2], old[1][1])
end
return 'ok'
