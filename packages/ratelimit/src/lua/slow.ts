import { CHARGE, FIT, LOAD, OUT } from './algorithms.ts'
import { LEASE_CHARS, OPERATIONS } from './format.ts'

/** Every other operation, limits of concurrency and in mode `shadow`, several operations on one key, clocks that went back, and what cannot be read. Made when it is needed: closures are dear too. */
export const SLOW = `
local function load(i, j)
  if KIND[i] < 3 then
    if from[j] and (to[j] - from[j] + 1 - 16) % 24 > 0 then error('a state of limits that was cut short') end
${LOAD}
    return
  end
  local leases = {}
  A[j], B[j], RAW[j] = 0, 0, leases
  for p = from[j] or 1, from[j] and to[j] or 0, ${16 + LEASE_CHARS} do
    local late, units, name = unpack('<ddc${LEASE_CHARS}', value, p)
    if late > now then
      leases[#leases + 1] = { late, units, name }
      A[j], B[j] = A[j] + units, late
    end
  end
end

local function save(i, j)
  local kind = KIND[i]
  if kind == 1 then return pack('<dd', A[j], B[j]) end
  if kind == 2 then
    return pack('<dd', A[j], B[j]) .. sub(RAW[j], from[j], to[j]) .. pack('<ddd', C[j], D[j], E[j])
  end
  local leases = {}
  for k, l in ipairs(RAW[j]) do leases[k] = pack('<ddc${LEASE_CHARS}', l[1], l[2], l[3]) end
  return concat(leases)
end

-- How long until the cost fits, and what is left.
local function fit(i, j, cost)
  if KIND[i] < 3 then
${FIT}
    return wait, left
  end
  local free = LIMIT[i] - A[j]
  local left = #RAW[j] < ENTRIES[i] and free or 0
  if cost > LIMIT[i] then return WINDOW[i], left end
  local excess, leases = cost - free, #RAW[j] - ENTRIES[i]
  if cost == 0 or (excess <= 0 and leases < 0) then return 0, left end
  for _, l in ipairs(RAW[j]) do
    excess, leases = excess - l[2], leases - 1
    if excess <= 0 and leases < 0 then return l[1] - now, left end
  end
  return WINDOW[i], left
end

local function charge(i, j, cost, lease)
  if KIND[i] < 3 then
${CHARGE}
    return
  end
  RAW[j][#RAW[j] + 1] = { now + WINDOW[i], cost, lease }
  A[j], B[j] = A[j] + cost, now + WINDOW[i]
end

local function refund(i, j, cost, at)
  if KIND[i] == 1 then
    if at >= 0 and at < A[j] then return end
    B[j] = max(0, B[j] - cost)
    local drained = (now - A[j]) * RATE[i]
    if drained > EXACT then drained = drained * MARGIN end
    if drained >= B[j] * WINDOW[i] then B[j] = 0 end
    return
  end
  if KIND[i] == 3 or A[j] == 0 then return end
  local all, kept, left = {}, {}, cost
  for p = from[j], to[j], 24 do
    local time, units, begun = unpack('<ddd', RAW[j], p)
    all[#all + 1] = { time, units, begun }
  end
  all[#all + 1] = { C[j], D[j], E[j] }
  for _, e in ipairs(all) do
    if left > 0 and (at < 0 or (e[3] <= at and at <= e[1])) then
      local taken = min(left, e[2])
      e[2], A[j], left = e[2] - taken, A[j] - taken, at < 0 and left - taken or 0
    end
    if e[2] > 0 then kept[#kept + 1] = e end
  end
  local newest = table.remove(kept)
  if not newest then return end
  for k, e in ipairs(kept) do kept[k] = pack('<ddd', e[1], e[2], e[3]) end
  -- The one that is newest now was closed when the next was begun.
  if newest[3] ~= E[j] then B[j] = newest[3] end
  RAW[j] = concat(kept)
  from[j], to[j], C[j], D[j], E[j] = 1, #RAW[j], newest[1], newest[2], newest[3]
end

local function renew(i, j, op, lease)
  local leases = RAW[j]
  for k, l in ipairs(leases) do
    if l[3] == lease then
      table.remove(leases, k)
      A[j] = A[j] - l[2]
      if op == ${OPERATIONS.renew} then charge(i, j, l[2], lease) end
      B[j] = #leases > 0 and leases[#leases][1] or 0
      return 1
    end
  end
  return 0
end

-- When nothing counts in it any more.
local function out(i, j)
  if KIND[i] == 3 then return A[j] > 0 and B[j] or 0 end
${OUT}
  return late
end

function write(key)
  local latest, count = 0, 1
  parts[1] = pack('<Bdd', 1, now, off)
  for j = 1, n do
    local i = rule[j]
    local at = i and out(i, j) or ends[j]
    if at > now then
      local state = i and save(i, j) or sub(value, from[j], to[j])
      parts[count + 1], parts[count + 2] = pack('<dI4d', id[j], #state, at), state
      count = count + 2
      if at > latest then latest = at end
    end
  end
  if count == 1 then
    call('DEL', key)
  else
    call('SET', key, concat(parts, '', 1, count), 'PX', format('%.0f', ceil((latest - now) / 1000) + spare))
  end
end

-- Where the state of a rule is.
local function place(i)
  local name, j = ID[i], 1
  while j <= n and id[j] ~= name do j = j + 1 end
  if j > n then n, id[j], from[j], rule[j] = j, name, false, false end
  if not rule[j] then
    rule[j] = i
    load(i, j)
  end
  return j
end

local function tell(notes)
  if not notes or #notes == 0 then return end
  said = said + 1
  reply[said] = #notes
  for _, note in ipairs(notes) do
    reply[said + 1], reply[said + 2] = note[1], note[2]
    said = said + 2
  end
end

local function ask(op, cost, lease)
  local worst, retry, left, notes = 0, 0, 0, nil
  for k = 1, count do
    local i = selected[k]
    local j = place(i)
    places[k] = j
    if SHADOW[i] == 0 then
      local wait, units = fit(i, j, cost)
      if worst == 0 or wait > retry or (retry == 0 and units < left) then worst, retry, left = k, wait, units end
      lefts[k] = units
    end
  end
  if retry == 0 then
    local charging = op ~= ${OPERATIONS.peek} and cost > 0
    for k = 1, count do
      local i, j, wait = selected[k], places[k], 0
      if SHADOW[i] == 1 then wait, lefts[k] = fit(i, j, cost) end
      if wait > 0 then
        notes = notes or {}
        notes[#notes + 1] = { 512 + i, wait }
      elseif charging then
        charge(i, j, cost, lease)
        changed = true
        local before, near = lefts[k], NEAR[i]
        if before > near and before - cost <= near then
          notes = notes or {}
          notes[#notes + 1] = { 256 + i, max(0, before - cost) }
        end
      end
    end
    if charging then left = left - cost end
  end
  local i = selected[worst]
  reply[said + 1] = (i or 0) + (retry == 0 and 256 or 0) + (notes and 512 or 0)
  reply[said + 2] = max(0, left)
  reply[said + 3] = i and max(0, out(i, places[worst]) - now) or 0
  said = said + 3
  if retry > 0 then
    said = said + 1
    reply[said] = retry
  end
  tell(notes)
end

local function alter(op, cost, at, lease)
  local held, notes = op < ${OPERATIONS.renew} and 0 or 1, {}
  for k = 1, count do
    local i = selected[k]
    local j = place(i)
    if op == ${OPERATIONS.reset} then
      from[j] = false
      load(i, j)
    elseif op == ${OPERATIONS.refund} then
      refund(i, j, cost, at)
    elseif op == ${OPERATIONS.charge} then
      if cost > 0 and KIND[i] ~= 3 then
        local _, before = fit(i, j, cost)
        charge(i, j, cost)
        if before > NEAR[i] and before - cost <= NEAR[i] then notes[#notes + 1] = { 256 + i, max(0, before - cost) } end
      end
    elseif KIND[i] == 3 then
      held = min(held, renew(i, j, op, lease))
    end
  end
  changed, said = true, said + 1
  reply[said] = held + (#notes > 0 and 512 or 0)
  tell(notes)
end

function run(cursor, stop)
  n, last, off, now, changed = 0, clock, 0, clock, false
  if value then
    local version, at
    version, last, off, at = unpack('<Bdd', value)
    if version ~= 1 then error('not a state of limits') end
    now = clock + off
    if now < last then off, now, changed = off + last - now, last, true end
    local size = #value
    while at <= size do
      local name, len, late
      name, len, late, at = unpack('<dI4d', value, at)
      if at + len - 1 > size then error('a state of limits that was cut short') end
      if late > now then
        n = n + 1
        id[n], ends[n], from[n], to[n], rule[n] = name, late, at, at + len - 1, false
      end
      at = at + len
    end
    if n == 0 then off, now = 0, clock end
  end
  if now ~= clock then
    reply[said + 1], reply[said + 2] = -2, now
    said = said + 2
  end
  while cursor <= stop do
    local op, c1, c2, c3, c4, number, first = byte(ops, cursor, cursor + 6)
    local cost = c1 + c2 * 256 + c3 * 65536 + c4 * 16777216
    count, selected[1], cursor = number, first + 1, cursor + 7
    for k = 2, number do selected[k], cursor = byte(ops, cursor) + 1, cursor + 1 end
    if op == ${OPERATIONS.check} or op == ${OPERATIONS.peek} then
      ask(op, cost)
    elseif op == ${OPERATIONS.lease} then
      ask(op, cost, sub(ops, cursor, cursor + ${LEASE_CHARS - 1}))
      cursor = cursor + ${LEASE_CHARS}
    elseif op == ${OPERATIONS.refund} then
      alter(op, cost, (unpack('<d', ops, cursor)))
      cursor = cursor + 8
    elseif op == ${OPERATIONS.renew} or op == ${OPERATIONS.release} then
      alter(op, 0, -1, sub(ops, cursor, cursor + ${LEASE_CHARS - 1}))
      cursor = cursor + ${LEASE_CHARS}
    else
      alter(op, cost)
    end
  end
end
`
