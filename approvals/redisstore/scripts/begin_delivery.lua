-- Takes the lease on telling Slack about a request.
-- KEYS: 1 delivery hash, 2 request hash
-- ARGV: 1 worker, 2 lease (ms)
-- Returns 'busy', 'unknown', or 'ok', card, card_seq, cursor, part, intent, living.
if redis.call('EXISTS', KEYS[2]) == 0 then
  return {'unknown'}
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'worker', 'until')
if held[1] and held[1] ~= '' and held[1] ~= ARGV[1] and tonumber(held[2]) > now then
  return {'busy'}
end
redis.call('HSET', KEYS[1], 'worker', ARGV[1], 'until', string.format('%.0f', now + tonumber(ARGV[2])))
-- A delivery that begins after the request ended goes when the request goes.
local left = redis.call('PTTL', KEYS[2])
if left > 0 then
  redis.call('PEXPIRE', KEYS[1], left)
end
local d = redis.call('HMGET', KEYS[1], 'card', 'card_seq', 'cursor', 'part', 'intent', 'living')
return {'ok', d[1] or '', d[2] or '0', d[3] or '0', d[4] or '0', d[5] or '0', d[6] or ''}
