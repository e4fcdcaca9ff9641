-- Forgets an item.
-- KEYS: 1 work stream
-- ARGV: 1 group, 2 stream id
-- Returns 1, or 0 when the item was gone already.
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return redis.call('XDEL', KEYS[1], ARGV[2])
