// What a rule does with its state, as Lua that is written into the script wherever it is needed: a call there costs as much as what it does. It works on a rule `i`
// and the place `j` of its state, in arrays that the script declares.
//
// Of gcra: A when it was last idle, B units charged since.
// Of a window: A units in it, B when the newest entry was begun; C, D and E the newest entry: time of its last admission, units, time of its first; RAW the others, oldest
// first, between `from` and `to`, 24 bytes each.
// Of concurrency (only in slow.ts): A units held, B when the last lease runs out, RAW the leases in that order: when, units, name.

/** The state of a rule, where there is one. */
export const LOAD = `
  if KIND[i] == 1 then
    if from[j] then A[j], B[j] = unpack('<dd', value, from[j]) else A[j], B[j] = now, 0 end
  elseif not from[j] then
    A[j], B[j], RAW[j], from[j], to[j] = 0, 0, '', 1, 0
  else
    local width, at, stop, used = WINDOW[i], from[j] + 16, to[j] - 24, 0
    used, B[j] = unpack('<dd', value, at - 16)
    C[j], D[j], E[j] = unpack('<ddd', value, stop + 1)
    while at < stop do
      local time, units = unpack('<dd', value, at)
      if now - time < width then break end
      used, at = used - units, at + 24
    end
    A[j], RAW[j], from[j], to[j] = used, value, at, stop
  end
`

/** How long until the cost fits, and what is left. */
export const FIT = `
  local wait, left, limit, width = 0, LIMIT[i], LIMIT[i], WINDOW[i]
  if KIND[i] == 1 then
    local spent, since, rate = B[j], now - A[j], RATE[i]
    if spent > 0 then
      local drained = since * rate
      if drained > EXACT then drained = drained * MARGIN end
      local whole = floor(drained / width)
      if whole * width > drained then whole = whole - 1 end
      if whole < spent then left = limit - spent + whole end
    end
    if cost > limit then
      wait = width
    elseif cost > left then
      -- Above what doubles hold exactly a little more than needed, since a little less counts as drained.
      local need = (spent + cost - limit) * width
      wait = need / rate
      if need > EXACT then wait = wait * (1 + 2 ^ -50) end
      wait = ceil(wait)
      if wait * rate < need then wait = wait + 1 end
      wait = max(1, min(FAR, wait - since))
    end
  else
    left = limit - A[j]
    if cost > limit then
      wait = width
    elseif cost > left then
      local excess, raw = cost - left, RAW[j]
      wait = C[j] + width - now
      for at = from[j], to[j], 24 do
        local time, units = unpack('<dd', raw, at)
        excess = excess - units
        if excess <= 0 then
          wait = time + width - now
          break
        end
      end
    end
  end
`

export const CHARGE = `
  if KIND[i] == 1 then
    local drained = (now - A[j]) * RATE[i]
    if drained > EXACT then drained = drained * MARGIN end
    if drained >= B[j] * WINDOW[i] then A[j], B[j] = now, 0 end
    B[j] = B[j] + cost
    -- Whole windows are taken off but for the last, so that another rate finds little to misread, and refunds what they are for.
    local windows = floor((now - A[j]) / WINDOW[i]) - 1
    if windows > 0 then A[j], B[j] = A[j] + windows * WINDOW[i], B[j] - windows * RATE[i] end
  elseif A[j] > 0
    and (C[j] == now or now - B[j] < GRAIN[i] or (to[j] - from[j] + 1) / 24 + 1 >= ENTRIES[i])
  then
    A[j], C[j], D[j] = A[j] + cost, now, D[j] + cost
  else
    if A[j] == 0 then
      RAW[j] = ''
    else
      RAW[j] = sub(RAW[j], from[j], to[j]) .. pack('<ddd', C[j], D[j], E[j])
    end
    from[j], to[j] = 1, #RAW[j]
    A[j], B[j], C[j], D[j], E[j] = A[j] + cost, now, now, cost, now
  end
`

/** When nothing counts any more. */
export const OUT = `
  local late
  if KIND[i] == 1 then
    late = B[j] == 0 and 0 or min(now + FAR, A[j] + ceil(B[j] * WINDOW[i] / RATE[i]))
  else
    late = A[j] > 0 and C[j] + WINDOW[i] or 0
  end
`
