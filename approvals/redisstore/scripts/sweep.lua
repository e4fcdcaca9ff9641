-- Forgets the workers of processes that are gone: those that asked for nothing for long and hold
-- nothing.
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
return gone
