-- Takes an item out of the work stream and sets a timer for its next attempt. Of two equal timers
-- the earlier stays.
-- KEYS: 1 work stream, 2 due set
-- ARGV: 1 group, 2 stream id, 3 delay (ms), 4 item of the next attempt
-- Returns 1, or 0 when the item was gone already.
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then
  return 0
end
ask('ZADD', KEYS[2], 'LT', text(clock() + tonumber(ARGV[3])), ARGV[4])
return 1
