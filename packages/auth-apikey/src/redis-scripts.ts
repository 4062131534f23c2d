import { defineScript } from '@portcullis-internal/redis'
import { KEPT_AFTER_MS } from './table.ts'

/** What stands for the epoch of a store that was never written. */
export const noEpoch = '0'

/**
 * Where a store lies. All of it shares one hash tag, so that a change, the indexes and the epoch move together in a Cluster too; keys are few and read rarely.
 * `records` (id to record), `names` (name to id, of keys that have theirs), `families` (family to id) and `uses` (id to milliseconds) are hashes that never expire.
 */
export const redisKeys = (namespace: string) => {
  const stem = `{${namespace}:api-keys}:`
  return {
    epoch: `${stem}epoch`,
    records: `${stem}records`,
    names: `${stem}names`,
    families: `${stem}families`,
    changes: `${stem}changes`,
    uses: `${stem}uses`,
    /** Ids of the keys that a key has issued, by the time until which they count. */
    children: (parent: string) => `${stem}children:${parent}`,
  }
}

/** KEYS: epoch, records. ARGV: id. Answers epoch and record. */
export const readScript = defineScript(`
return { redis.call('GET', KEYS[1]) or '${noEpoch}', redis.call('HGET', KEYS[2], ARGV[1]) }
`)

/** KEYS: epoch, records, names. ARGV: id or name. Answers epoch, id and record. */
export const findScript = defineScript(`
local epoch = redis.call('GET', KEYS[1]) or '${noEpoch}'
local record = redis.call('HGET', KEYS[2], ARGV[1])
if record then return { epoch, ARGV[1], record } end
local id = redis.call('HGET', KEYS[3], ARGV[1])
if not id then return { epoch, false, false } end
return { epoch, id, redis.call('HGET', KEYS[2], id) }
`)

const FIELDS = 9

/**
 * All changes in their order, or none. KEYS: epoch, records, names, families, and for each change the children of its parent (`records` again where it has none).
 * ARGV: channel, random, what the names of children begin with, and for each change: id, record, name or nothing where it has none any more, family, the revision to replace or nothing, whose place it takes or nothing, until when it counts
 * among its siblings (ms, or `inf`), how many of those there may be or nothing, when it was made (ms). Answers `done`, epoch before and after, or what was in the way.
 */
export const commitScript = defineScript(`
local channel, random, stem = ARGV[1], ARGV[2], ARGV[3]
local names, families, records, steps = {}, {}, {}, {}
local function lookup(seen, key, field)
  if seen[field] == nil then seen[field] = redis.call('HGET', key, field) end
  return seen[field]
end
local function decoded(text) return cjson.decode(string.match(text, '{.*$')) end
-- A key that another issued gives its name up when it ends.
local function gaveUp(id, created)
  local text = lookup(records, KEYS[2], id)
  if not text then return true end
  local owner = decoded(text)
  return owner.parent and type(owner.expiresAtMs) == 'number' and owner.expiresAtMs <= created
end
-- Those of a parent that count at a time, with what the changes before make of them.
local function count(key, place, made)
  local n, now, latest = redis.call('ZCOUNT', key, '(' .. made, '+inf'), tonumber(made), {}
  for i = 1, place - 1 do
    if KEYS[4 + i] == key then latest[steps[i][1]] = tonumber(steps[i][3]) end
  end
  for id, counts in pairs(latest) do
    local score = redis.call('ZSCORE', key, id)
    if score and tonumber(score) > now then n = n - 1 end
    if counts > now then n = n + 1 end
  end
  return n
end
for i = 1, (#ARGV - 3) / ${FIELDS} do
  local id, record, name, family, rev, replaces, counts, siblings, made = unpack(ARGV, (i - 1) * ${FIELDS} + 4, i * ${FIELDS} + 3)
  local created = tonumber(made)
  local before = lookup(records, KEYS[2], id)
  if rev ~= '' then
    if not before then return { 'changed' } end
    local old = decoded(before)
    if old.rev ~= tonumber(rev) or old.family ~= family then return { 'changed' } end
    if lookup(names, KEYS[3], old.name) == id then names[old.name] = false end
  elseif before or lookup(names, KEYS[3], id) then
    return { 'id_taken' }
  end
  if name ~= '' then
    local owner = lookup(names, KEYS[3], name)
    if name == id or lookup(records, KEYS[2], name) or (owner and owner ~= id and not gaveUp(owner, created)) then
      return { 'name_taken' }
    end
    names[name] = id
  end
  if rev == '' then
    local known = lookup(families, KEYS[4], family)
    local after = replaces ~= '' and lookup(records, KEYS[2], replaces)
    if known and not (after and decoded(after).family == family) then return { 'family_taken' } end
    if not known then families[family] = id end
    if siblings ~= '' and count(KEYS[4 + i], i, made) >= tonumber(siblings) then return { 'too_many_siblings' } end
  end
  records[id] = record
  steps[i] = { id, record, counts, rev == '' and created }
end
for i, step in ipairs(steps) do
  redis.call('HSET', KEYS[2], step[1], step[2])
  if KEYS[4 + i] ~= KEYS[2] then redis.call('ZADD', KEYS[4 + i], step[3], step[1]) end
end
for name, id in pairs(names) do
  if id then redis.call('HSET', KEYS[3], name, id) else redis.call('HDEL', KEYS[3], name) end
end
for family, id in pairs(families) do
  if id then redis.call('HSET', KEYS[4], family, id) end
end
-- What a key has issued and has ended long ago goes, a hundred at a time, and what that has issued.
local function prune(key, before, most)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', before, 'LIMIT', 0, most)) do
    local text = redis.call('HGET', KEYS[2], id)
    if text then
      local old = decoded(text)
      prune(stem .. id, '+inf', -1)
      if redis.call('HGET', KEYS[3], old.name) == id then redis.call('HDEL', KEYS[3], old.name) end
      redis.call('HDEL', KEYS[4], old.family)
      redis.call('HDEL', KEYS[2], id)
    end
    redis.call('ZREM', key, id)
  end
end
for i, step in ipairs(steps) do
  if step[4] and KEYS[4 + i] ~= KEYS[2] then prune(KEYS[4 + i], string.format('%.0f', step[4] - ${KEPT_AFTER_MS}), 100) end
end
-- The epoch is a count and something random, so that two histories never agree by chance: after a flush or a failover the count may come around again.
local before = redis.call('GET', KEYS[1]) or '${noEpoch}'
local after = string.format('%d.%s', (tonumber(string.match(before, '^%d+')) or 0) + 1, random)
redis.call('SET', KEYS[1], after)
local ids = {}
for i, step in ipairs(steps) do ids[i] = step[1] end
redis.call('PUBLISH', channel, table.concat(ids, ',') .. ' ' .. before .. ' ' .. after)
return { 'done', before, after }
`)

/** KEYS: uses. ARGV: the least time between two writes (ms), then ids and times. */
export const touchScript = defineScript(`
for i = 2, #ARGV, 2 do
  local last = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '-1')
  if tonumber(ARGV[i + 1]) - last >= tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return true
`)
