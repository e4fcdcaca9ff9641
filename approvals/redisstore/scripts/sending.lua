-- Takes or gives back the turn to send the audit log to the webhook.
-- KEYS: 1 webhook hash, 2 head hash of the chain
-- ARGV: 1 worker, 2 number of the last line that was accepted (0 for no news), 3 lease (ms)
-- Returns the number of the last line that was accepted: the chain's last one at first, 0 if the
-- chain has no such line any more; -1 while another worker is sending.
local now = clock()
local h = ask('HMGET', KEYS[1], 'sent', 'worker', 'until')
if h[2] and h[2] ~= ARGV[1] and (tonumber(h[3] or '') or 0) > now then
  return -1
end
local n = tonumber(ask('HGET', KEYS[2], 'n') or '') or 0
local sent = tonumber(ARGV[2])
if sent == 0 then
  sent = tonumber(h[1] or '') or n
end
if sent > n then -- the chain began anew, or Redis lost its end
  sent = 0
end
redis.call('HSET', KEYS[1], 'sent', text(sent), 'worker', ARGV[1], 'until', text(now + tonumber(ARGV[3])))
return sent
