-- Forgets the workers of processes that are gone: those that asked for nothing for long and hold
-- nothing. A group that is ahead of its stream, where someone else put it, would hand nothing out:
-- it begins anew.
-- KEYS: 1 work stream
-- ARGV: 1 group, 2 how long a worker must have been silent (ms)
-- Returns how many were forgotten.
local gone = 0
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for f = 1, #fields, 2 do
    consumer[fields[f]] = fields[f + 1]
  end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    gone = gone + 1
  end
end
local function parts(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)')
  return tonumber(ms or 0), tonumber(n or 0)
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    local ms, n = parts(info[i + 1])
    for _, fields in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
      local of = {}
      for f = 1, #fields, 2 do
        of[fields[f]] = fields[f + 1]
      end
      local at, nth = parts(of['last-delivered-id'])
      if of.name == ARGV[1] and (at > ms or at == ms and nth > n) then
        redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], '0')
      end
    end
  end
end
return gone
