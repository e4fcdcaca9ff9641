-- Moves an item from the work stream to the stream of what was parked.
-- KEYS: 1 work stream, 2 stream of what was parked
-- ARGV: 1 group, 2 stream id, 3 item, 4 reason, 5 about how many stay
-- Returns 1, or 0 when the item was gone already.
if not redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1] then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  return 0
end
add(KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'item', ARGV[3], 'reason', ARGV[4])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
