-- One question of one process: see ShareRequest and ShareGrant of package reranker.
-- KEYS: the state, the use by slots of time, the processes. All times are milliseconds
-- of the server's clock.
local state, window, processes = KEYS[1], KEYS[2], KEYS[3]
local id, epoch, full = ARGV[1], ARGV[2], ARGV[3] == '1'
local batch = ARGV[4] == '1'
local n = {}
for i = 5, 22 do n[i] = tonumber(ARGV[i]) end
local needR, needT, aheadR, aheadT = n[5], n[6], n[7], n[8]
local heldR, heldT, backR, backT = n[9], n[10], n[11], n[12]
local limitR, limitT, remainR, remainT = n[13], n[14], n[15], n[16]
local gate, open, closed = n[17], n[18], n[19] == 1
local lease, minute, probeFor = n[20], n[21], n[22]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local s = {}
local flat = redis.call('HGETALL', state)
for i = 1, #flat, 2 do s[flat[i]] = flat[i + 1] end
if s.epoch ~= epoch and not full then return {1, s.epoch or ''} end
local new = not s.epoch
if new then s.epoch = time[1] .. '.' .. time[2] end
local function number(name) return tonumber(s[name] or 0) end
s.at = s.at or now

-- Use in the last minute and one slot more, since calls need time on their way.
local width = minute / 120
local slot = math.floor(now / width)
local oldest = math.floor((now - minute) / width) - 1
-- What was granted ahead counts at the end of its lease, until it is known when it
-- was used.
local sum, booked = {r = 0, t = 0, c = 0}, {r = {}, t = {}, c = {}}
flat = redis.call('HGETALL', window)
for i = 1, #flat, 2 do
  local kind, at, used = string.sub(flat[i], 1, 1), tonumber(string.sub(flat[i], 2)), tonumber(flat[i + 1])
  if at <= oldest then
    redis.call('HDEL', window, flat[i])
  else
    sum[kind] = sum[kind] + used
    booked[kind][at] = used
  end
end
local function use(kind, at, amount)
  if amount == 0 then return end
  sum[kind] = sum[kind] + amount
  booked[kind][at] = (booked[kind][at] or 0) + amount
  redis.call('HINCRBY', window, kind .. at, amount)
end
local function ending(expires) return math.floor(expires / width) end

-- Each quota has a bucket that holds a quarter of a minute.
local function bucket(kind, declared, remaining)
  local b = {kind = kind, limit = number(kind .. 'limit'), level = number(kind .. 'level')}
  if declared > 0 and declared ~= b.limit then
    if b.limit > 0 then
      b.level = b.level * declared / b.limit
    else
      b.level = full and #ARGV > 22 and 0 or math.max(1, declared / 4)
    end
    b.limit = declared
  end
  b.capacity = b.limit > 0 and math.max(1, math.floor(b.limit / 4)) or 0
  b.most = b.limit
  if b.limit >= 480 then b.most = b.limit - math.ceil(b.limit / 100) end
  if sum[kind] < b.most then
    b.level = b.level + b.limit * math.max(0, now - number('at')) / minute
  end
  b.level = math.min(b.capacity, b.level)
  if remaining >= 0 then b.level = math.min(b.level, remaining) end
  return b
end
local requests = bucket('r', limitR, remainR)
local tokens = bucket('t', limitT, remainT)
s.at = now

-- What was used without a grant.
for i = 23, #ARGV, 2 do
  local at = math.floor((now - (i - 23) / 2 * 1000) / width)
  local r, t = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  if at > oldest then
    use('r', at, r)
    use('t', at, t)
  end
  requests.level = math.max(-requests.capacity, requests.level - r)
  tokens.level = math.max(-tokens.capacity, tokens.level - t)
end

-- What was granted ahead and not used goes back when its lease is over: it counts no
-- more. What the process used of it is known when it asks again.
local function settle(b, at, ahead, given, back, held)
  local all = ahead + given
  back = math.min(back, all)
  held = math.min(held, all - back)
  local used = all - back - held
  use(b.kind, at, -ahead)
  use(b.kind, slot, used)
  b.level = math.max(-b.capacity, math.min(b.capacity, b.level + ahead - used - held))
end
local count = 1
flat = redis.call('HGETALL', processes)
for i = 1, #flat, 2 do
  local record = {}
  for field in string.gmatch(flat[i + 1], '%S+') do table.insert(record, tonumber(field)) end
  local r, t, expires, seen, givenR, givenT = unpack(record)
  if flat[i] == id then
    settle(requests, ending(expires), r, givenR, backR, heldR)
    settle(tokens, ending(expires), t, givenT, backT, heldT)
  else
    if expires <= now and r + t > 0 then
      settle(requests, ending(expires), r, 0, r, 0)
      settle(tokens, ending(expires), t, 0, t, 0)
      redis.call('HSET', processes, flat[i], table.concat({0, 0, expires, seen, givenR + r, givenT + t}, ' '))
    end
    if seen < now - minute then
      redis.call('HDEL', processes, flat[i])
    else
      count = count + 1
    end
  end
end

-- The hold and the breaker.
local held = math.max(number('gate'), gate > 0 and now + gate or 0)
s.gate = held
local suspended, probe = 0, 0
if closed then s.open = 0 end
if open > 0 then s.open = math.max(number('open'), now + open) end
if number('open') > 0 then
  suspended = number('open') - now
  if suspended <= 0 then
    suspended = 50
    if needR > 0 then
      suspended, probe, s.open = 0, 1, now + probeFor
    end
  end
end

-- How long until so much can be had.
local function waits(b, need, chatted)
  if b.limit == 0 then return 0 end
  local reserve = batch and b.capacity / 4 or 0
  local wait = 0
  local lack = math.min(need + reserve, b.capacity) - b.level
  if lack > 1e-9 * b.capacity then wait = lack / b.limit * minute end
  local over = sum[b.kind] + need + math.min(reserve, chatted) - b.most
  if over > 0 and sum[b.kind] > 0 then
    local slots, till = {}, minute
    for at in pairs(booked[b.kind]) do table.insert(slots, at) end
    table.sort(slots)
    for _, at in ipairs(slots) do
      over = over - booked[b.kind][at]
      if over <= 0 then
        till = (at + 2) * width + minute - now
        break
      end
    end
    wait = math.max(wait, till)
  end
  return math.ceil(wait)
end
local function spare(b, need, ahead, chatted)
  if b.limit == 0 then return ahead end
  local reserve = batch and b.capacity / 4 or 0
  return math.max(0, math.floor(math.min(ahead, b.level - need - reserve, b.most - sum[b.kind] - need - math.min(reserve, chatted))))
end

local grantR, grantT, extraR, extraT, wait = 0, 0, 0, 0, 0
if needR > 0 and suspended == 0 then
  local share = sum.c / math.max(1, sum.r)
  local chattedR, chattedT = sum.c, sum.t * share
  wait = math.max(waits(requests, needR, chattedR), waits(tokens, needT, chattedT), held - now)
  if wait <= 0 then
    wait = 0
    -- A process takes ahead at most what the quota yields in half a lease.
    if requests.limit > 0 then aheadR = math.min(aheadR, math.floor(requests.limit * lease / minute / 2)) end
    extraR = spare(requests, needR, aheadR, chattedR)
    extraT = spare(tokens, needT, aheadT, chattedT)
    grantR, grantT = needR + extraR, needT + extraT
    requests.level = requests.level - grantR
    tokens.level = tokens.level - grantT
    use('r', slot, needR)
    use('t', slot, needT)
    if not batch then use('c', slot, grantR) end
  end
end

s.rlimit, s.rlevel, s.tlimit, s.tlevel = requests.limit, requests.level, tokens.limit, tokens.level
local fields = {}
for k, v in pairs(s) do
  table.insert(fields, k)
  table.insert(fields, tostring(v))
end
redis.call('HSET', state, unpack(fields))
use('r', ending(now + lease), heldR + extraR)
use('t', ending(now + lease), heldT + extraT)
redis.call('HSET', processes, id, table.concat({heldR + extraR, heldT + extraT, now + lease, now, 0, 0}, ' '))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 2 * minute + 120000) end
return {
  0, s.epoch, grantR, grantT, wait, math.max(0, held - now), suspended, probe,
  requests.limit, tokens.limit, requests.capacity, tokens.capacity,
  math.floor(math.max(0, math.min(requests.level, requests.most - sum.r))), math.floor(math.max(0, math.min(tokens.level, tokens.most - sum.t))), count,
}
