import { defineScript } from '@portcullis-internal/redis'
import { CHARGE, FIT, LOAD, OUT } from './algorithms.ts'
import { OPERATIONS, RULE_NUMBERS } from './format.ts'
import { SLOW } from './slow.ts'

/**
 * Everything that is asked in one turn of the event loop, at once; times in whole microseconds of the server's clock. The algorithms are those of the limiter in memory.
 *
 * A key is one string that holds all limits of a caller: version, the last time seen and what the clock is behind (if it goes back it stands still once and goes on), then
 * a section for each limit: what it is known by, its length, when nothing counts in it any more, and its state. Sections of limits that are not known here are kept until then.
 * While a key is at hand its sections lie in arrays side by side, which are used again for the next: this runs for every request of everybody, and tables are dear.
 *
 * KEYS: callers. ARGV: rules; for each caller the length of its operations and those; what a key lives longer than its sections (ms); the time (only tests give one).
 * Numbers are little-endian. Answers the time, then for each key -2 and its time if that is another, then for each operation its outcome, or for `check` and `peek` the limit that counts + 256 if allowed + 512 if notes
 * follow, what is left, when all is restored, when refused how long to wait, and the notes: their number, and for each 256 + limit and what is left (near), or 512 + limit
 * and the wait (shadow). A key that cannot be read answers -1 and why, once.
 */
export const limitScript = defineScript(`
local spread, byte, sub, ceil, floor, max, min = unpack, string.byte, string.sub, math.ceil, math.floor, math.max, math.min
local pack, unpack, concat, format, call = struct.pack, struct.unpack, table.concat, string.format, redis.call
local ops, spare, clock = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not clock then
  local t = call('TIME')
  clock = t[1] * 1000000 + t[2]
end

-- The rules. LIMIT is what fits at once, RATE what drains in a WINDOW.
local ID, KIND, SHADOW, LIMIT, RATE, WINDOW, GRAIN, ENTRIES, NEAR, PLAIN =
  { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }
for i = 1, #ARGV[1] / ${RULE_NUMBERS * 8} do
  ID[i], KIND[i], SHADOW[i], LIMIT[i], RATE[i], WINDOW[i], GRAIN[i], ENTRIES[i], NEAR[i] =
    unpack('<ddddddddd', ARGV[1], (i - 1) * ${RULE_NUMBERS * 8} + 1)
  PLAIN[i] = KIND[i] < 3 and SHADOW[i] == 0
end

-- The key at hand: its value and sections; their rules where they have been decoded, and then their states.
local value, now, last, off, changed, n
-- Tables that begin with something have room from the start; growing one costs more than a check.
local id, ends, from, to, rule = { 0 }, { 0 }, { 0 }, { 0 }, { 0 }
local A, B, C, D, E, RAW = { 0 }, { 0 }, { 0 }, { 0 }, { 0 }, { 0 }
local parts, selected, places, lefts, count = { 0, 0, 0 }, { 0 }, { 0 }, { 0 }, 0
local reply, said = { clock, 0, 0, 0 }, 1
local run, write
-- FAR is as good as never: 142 years.
local EXACT, MARGIN, FAR = 2 ^ 53, 1 - 2 ^ -51, 2 ^ 52

local values, cursor = call('MGET', spread(KEYS)), 1
for k, key in ipairs(KEYS) do
  local c0, c1, op, p1, p2, p3, p4, number, first = byte(ops, cursor, cursor + 8)
  local stop = cursor + 1 + c0 + c1 * 256
  value = values[k]
  n, off, now, last, changed = 0, 0, clock, clock, false
  local plain = (op == ${OPERATIONS.check} or op == ${OPERATIONS.peek}) and stop == cursor + 7 + number
  if plain and value then
    local size, at = #value, 18
    plain = size > 17 and byte(value) == 1
    if plain then
      last, off = unpack('<dd', value, 2)
      now = clock + off
      plain = now >= last
    end
    while plain and at <= size do
      plain = at + 35 <= size
      if plain then
        local name, len, late
        name, len, late, at = unpack('<dI4d', value, at)
        plain = at + len - 1 <= size
        if late > now then
          n = n + 1
          id[n], ends[n], from[n], to[n], rule[n] = name, late, at, at + len - 1, false
        end
        at = at + len
      end
    end
    if n == 0 then off, now = 0, clock end
  end
  local worst, retry, least, cost = 0, 0, 0, 0
  if plain then
    cost = p1 + p2 * 256 + p3 * 65536 + p4 * 16777216
    for c = 1, number do
      local i = (c == 1 and first or byte(ops, cursor + 7 + c)) + 1
      local name, j = ID[i], 1
      if not PLAIN[i] then
        plain = false
        break
      end
      while j <= n and id[j] ~= name do j = j + 1 end
      if j > n then
        n, id[j], from[j] = j, name, false
      elseif (to[j] - from[j] + 1 - 16) % 24 > 0 then
        plain = false
        break
      end
      selected[c], places[c], rule[j] = i, j, i
${LOAD}
${FIT}
      lefts[c] = left
      if worst == 0 or wait > retry or (retry == 0 and left < least) then worst, retry, least = c, wait, left end
    end
  end
  if plain then
    local code = selected[worst] + 256
    local notes
    if retry == 0 and cost > 0 and op == ${OPERATIONS.check} then
      for c = 1, number do
        local i, j = selected[c], places[c]
${CHARGE}
        local before, near = lefts[c], NEAR[i]
        if before > near and before - cost <= near then
          notes = notes or {}
          notes[#notes + 1] = 256 + i
          notes[#notes + 1] = max(0, before - cost)
        end
      end
      least, changed = least - cost, true
    end
    if off ~= 0 then
      reply[said + 1], reply[said + 2] = -2, now
      said = said + 2
    end
    reply[said + 2] = least > 0 and least or 0
    local latest, count = 0, 1
    for j = 1, n do
      local i, at = rule[j], ends[j]
      if i then
${OUT}
        at = late
        if changed and late > now then
          if KIND[i] == 1 then
            parts[count + 1], parts[count + 2] = pack('<dI4ddd', id[j], 16, late, A[j], B[j]), ''
          else
            local raw = RAW[j]
            if from[j] > 1 or to[j] < #raw then raw = sub(raw, from[j], to[j]) end
            parts[count + 1] = pack('<dI4ddd', id[j], 40 + #raw, late, A[j], B[j]) .. raw
            parts[count + 2] = pack('<ddd', C[j], D[j], E[j])
          end
        end
        if j == places[worst] then reply[said + 3] = late > now and late - now or 0 end
      elseif changed then
        parts[count + 1] = pack('<dI4d', id[j], to[j] - from[j] + 1, at)
        parts[count + 2] = sub(value, from[j], to[j])
      end
      if at > now then
        count = count + 2
        if at > latest then latest = at end
      end
    end
    if changed then
      parts[1] = pack('<Bdd', 1, now, off)
      call('SET', key, concat(parts, '', 1, count), 'PX', format('%.0f', ceil((latest - now) / 1000) + spare))
    end
    if retry > 0 then
      reply[said + 1], reply[said + 4] = code - 256, retry
      said = said + 4
    else
      reply[said + 1] = notes and code + 512 or code
      said = said + 3
      if notes then
        said = said + 1
        reply[said] = #notes / 2
        for _, number in ipairs(notes) do
          said = said + 1
          reply[said] = number
        end
      end
    end
  else
    if not run then
${SLOW}
    end
    local began = said
    local ok, why = pcall(run, cursor + 2, stop)
    if ok then
      if changed then write(key) end
    else
      for j = began + 1, said do reply[j] = nil end
      reply[began + 1], reply[began + 2] = -1, tostring(why)
      said = began + 2
    end
  end
  cursor = stop + 1
end
return reply
`)
