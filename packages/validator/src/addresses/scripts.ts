import { defineScript } from '@portcullis-internal/redis'

/**
 * KEYS: 1 entries (hash: network -> JSON), 2 ends (sorted set: network by its end), 3 epoch. Ends are milliseconds of the server's clock.
 * What expired is taken out wherever anything is changed.
 */
const COMMON = `
local t = redis.call('time')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function sweep()
  local gone = redis.call('zrangebyscore', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)
  for _, cidr in ipairs(gone) do
    redis.call('hdel', KEYS[1], cidr)
    redis.call('zrem', KEYS[2], cidr)
  end
end
local function changed(channel)
  local epoch = redis.call('incr', KEYS[3])
  redis.call('publish', channel, epoch)
end
local function put(cidr, kind, reason, ends, max)
  local known = redis.call('hget', KEYS[1], cidr)
  if known then
    local old = cjson.decode(known)
    if old.ends == 0 or (ends ~= 0 and old.ends >= ends) then
      if kind == 'block' and reason ~= '' then old.reason = reason end
      kind, ends, reason = old.kind, old.ends, old.reason or ''
    end
  elseif redis.call('hlen', KEYS[1]) >= max then
    return 0
  end
  redis.call('hset', KEYS[1], cidr, cjson.encode({ kind = kind, reason = reason, ends = ends }))
  if ends == 0 then redis.call('zrem', KEYS[2], cidr) else redis.call('zadd', KEYS[2], ends, cidr) end
  return 1
end
`

/** ARGV: network, reason, length in ms (0: no end), most entries, channel. Answers 0 where the table is full. */
export const blockScript = defineScript(`${COMMON}
sweep()
local length = tonumber(ARGV[3])
local done = put(ARGV[1], 'block', ARGV[2], length == 0 and 0 or now + length, tonumber(ARGV[4]))
if done == 1 then changed(ARGV[5]) end
return done
`)

/** KEYS 4: the record of the network. ARGV: network, channel. Answers whether there was an entry. */
export const unblockScript = defineScript(`${COMMON}
sweep()
redis.call('del', KEYS[4])
local had = redis.call('hdel', KEYS[1], ARGV[1])
redis.call('zrem', KEYS[2], ARGV[1])
if had == 1 then changed(ARGV[2]) end
return had
`)

/** Answers the epoch, the server's time, and all entries. */
export const readScript = defineScript(`${COMMON}
sweep()
return { redis.call('get', KEYS[3]) or '0', tostring(now), redis.call('hgetall', KEYS[1]) }
`)

/**
 * KEYS 4: the record of the network (hash: s strikes, w end of the window, b bans, e end of the last one).
 * ARGV: network, reason, strikes, windowMs, baseMs, factor, maxMs, forgetMs, most entries, channel.
 * Answers { 0, left } or { 1, length, nth } or { 2 } where the table is full.
 */
export const strikeScript = defineScript(`${COMMON}
local need, window, base, factor = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local longest, forget = tonumber(ARGV[7]), tonumber(ARGV[8])
local r = redis.call('hmget', KEYS[4], 's', 'w', 'b', 'e')
local strikes, ends, bans, last = tonumber(r[1]) or 0, tonumber(r[2]) or 0, tonumber(r[3]) or 0, tonumber(r[4]) or 0
if ends <= now then
  strikes = 0
  ends = now + window
end
if bans > 0 and last + forget <= now then bans = 0 end
strikes = strikes + 1
local answer
if strikes < need then
  answer = { 0, need - strikes }
else
  sweep()
  strikes = 0
  bans = bans + 1
  local length = math.floor(math.min(longest, base * factor ^ math.min(bans - 1, 60)) + 0.5)
  last = now + length
  if put(ARGV[1], 'ban', ARGV[2], last, tonumber(ARGV[9])) == 1 then
    changed(ARGV[10])
    answer = { 1, length, bans }
  else
    answer = { 2 }
  end
end
redis.call('hset', KEYS[4], 's', strikes, 'w', ends, 'b', bans, 'e', last)
redis.call('pexpire', KEYS[4], math.max(ends - now, bans > 0 and last + forget - now or 0) + 1000)
return answer
`)
