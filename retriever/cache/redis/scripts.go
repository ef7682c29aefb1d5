package redis

import "github.com/redis/rueidis"

// The clock of forgetting is a hash of two numbers: seq grows with every Invalidate and
// Clear, cleared is its value at the newest Clear. It begins with the server's time, so
// that a clock that was lost does not begin anew below an old one.
const begin = `
local function clock()
  local seq = redis.call('HGET', KEYS[1], 'seq')
  if seq then return seq end
  local t = redis.call('TIME')
  seq = t[1] .. string.format('%03d', math.floor(t[2] / 1000))
  redis.call('HSET', KEYS[1], 'seq', seq, 'cleared', seq)
  return seq
end
local function forward()
  clock()
  redis.call('HINCRBY', KEYS[1], 'seq', 1)
  return redis.call('HGET', KEYS[1], 'seq')
end
`

var (
	// startScript makes the clock and returns it.
	startScript = rueidis.NewLuaScript(begin + `return clock()`)

	// saveScript stores a value and makes sure that each of its documents has a
	// version. One that has none gets the newest, because it may have been evicted: then
	// the ranking is valid only if nothing was forgotten since its making began.
	// KEYS: clock, entry, scope, versions. ARGV: value, lifetime, lifetime of versions,
	// name in the scope, coarse vector, size of a scope.
	saveScript = rueidis.NewLuaScript(begin + `
local seq = clock()
for i = 4, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    redis.call('SET', KEYS[i], seq, 'PX', ARGV[3])
  elseif redis.call('PTTL', KEYS[i]) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', KEYS[i], ARGV[3])
  end
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
  local more = redis.call('HLEN', KEYS[3]) - tonumber(ARGV[6])
  if more > 0 then redis.call('HDEL', KEYS[3], unpack(redis.call('HRANDFIELD', KEYS[3], more))) end
end
return 1`)

	// forgetScript gives documents a new version. KEYS: clock, versions. ARGV: lifetime.
	forgetScript = rueidis.NewLuaScript(begin + `
local seq = forward()
for i = 2, #KEYS do redis.call('SET', KEYS[i], seq, 'PX', ARGV[1]) end
return 1`)

	// clearScript makes everything old.
	clearScript = rueidis.NewLuaScript(begin + `
redis.call('HSET', KEYS[1], 'cleared', forward())
return 1`)
)
