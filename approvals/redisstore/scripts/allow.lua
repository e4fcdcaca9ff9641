-- Counts an act under a name, in a window that begins with the first. An act that was allowed in
-- this window is allowed again and not counted twice. A list that holds more than can be, or lasts
-- longer, was filled by someone else and goes.
-- KEYS: 1 acts, each with a line feed behind it
-- ARGV: 1 most in a window, 2 window (ms), 3 the act
-- Returns 0 when the act is allowed, else how long it is until the window ends (ms).
local most = tonumber(ARGV[1])
local acts = ask('GETRANGE', KEYS[1], 0, 65 * most) -- an act has 64 bytes at most
local act = ARGV[3] .. '\n'
if string.find('\n' .. acts, '\n' .. act, 1, true) then
  return 0
end
local _, n = string.gsub(acts, '\n', '')
if n >= most or #acts > 65 * most then
  local left = n > 0 and redis.call('PTTL', KEYS[1]) or 0
  if n == most and #acts <= 65 * most and left >= 0 and left <= tonumber(ARGV[2]) then
    return math.max(1, left)
  end
  acts = ''
end
if acts == '' then
  redis.call('SET', KEYS[1], act, 'PX', math.max(1, ARGV[2]))
else
  redis.call('SET', KEYS[1], acts .. act, 'KEEPTTL')
end
return 0
