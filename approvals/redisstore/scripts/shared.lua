-- What the scripts have in common, put before each. Scripts read and check before the first write,
-- so that nothing that someone else wrote stops them half way. A key of another kind holds nothing
-- of ours and goes.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function text(n)
  return string.format('%.0f', n)
end
local function wrong(answer)
  return type(answer) == 'table' and answer.err and string.find(answer.err, 'WRONGTYPE', 1, true)
end
-- ask calls a command on a key.
local function ask(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if wrong(answer) then
    redis.call('DEL', key)
    answer = redis.call(command, key, ...)
  elseif type(answer) == 'table' and answer.err then
    error(answer.err, 0)
  end
  return answer
end
-- add appends to a stream. If it cannot, what was appended before in this script goes again: a
-- script appends to its streams first.
local added = {}
local rebuild
local function add(key, ...)
  local ok, answer = pcall(ask, 'XADD', key, ...)
  if not ok and rebuild(key, (...), tostring(type(answer) == 'table' and answer.err or answer)) then
    ok, answer = pcall(ask, 'XADD', key, ...)
  end
  if not ok then
    for i = #added, 1, -1 do
      redis.call('XDEL', added[i][1], added[i][2])
    end
    error(answer, 0)
  end
  added[#added + 1] = {key, answer}
end
-- rebuild makes a stream take entries again that someone else gave a last id which is above the
-- next one, or the last possible. Entries without a number of their own get new ids; a group is
-- made anew where it is missed, and hands all of them out.
rebuild = function(key, id, why)
  if not string.find(why, 'last possible ID', 1, true) and not string.find(why, 'equal or smaller', 1, true) then
    return false
  end
  local number = tonumber(string.match(id, '^(%d+)-0$') or '')
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if number and last then
    if tonumber(string.match(last[1], '^%d+')) >= number then
      return false
    end
    local set = redis.pcall('XSETID', key, last[1])
    if type(set) ~= 'table' or not set.err then
      return true
    end
  end
  local entries, left = redis.call('XRANGE', key, '-', '+'), redis.call('PTTL', key)
  redis.call('DEL', key)
  for _, entry in ipairs(entries) do
    redis.call('XADD', key, number and entry[1] or '*', unpack(entry[2]))
  end
  if left > 0 then
    redis.call('PEXPIRE', key, left)
  end
  return true
end
-- time is the time in an argument ('' Redis' own), or nil if it is more than five seconds off.
local function time(given, now)
  if given == '' then
    return now
  end
  local at = tonumber(given)
  if at and math.abs(at - now) <= 5000 then
    return at
  end
end
-- last is the number of the last entry of a log, and its fields; 0 for none.
local function last(log)
  local entry = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if not entry then
    return 0
  end
  local fields = {}
  for f = 1, #entry[2], 2 do
    fields[entry[2][f]] = entry[2][f + 1]
  end
  return tonumber(string.match(entry[1], '^(%d+)')), fields
end
