/** What the values of `attacks.json` stand for: `$now+600`, `$issuer/`, `$long 257` and the like. */
export type Lookup = Readonly<Record<string, unknown>>

const absent = Symbol('absent')

/** A value with everything that begins with `$` replaced; members that are `$absent` are left out. */
export const fill = (value: unknown, lookup: Lookup): unknown => {
  const filled = fillOne(value, lookup)
  return filled === absent ? undefined : filled
}

const fillOne = (value: unknown, lookup: Lookup): unknown => {
  if (typeof value === 'string') return fillText(value, lookup)
  if (Array.isArray(value)) return value.map((one) => fillOne(one, lookup))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, one]) => [fillText(name, lookup), fillOne(one, lookup)] as const)
  return Object.fromEntries(entries.filter(([, one]) => one !== absent))
}

const fillText = (text: string, lookup: Lookup): unknown => {
  if (text === '$absent') return absent
  if (Object.hasOwn(lookup, text)) return lookup[text]
  const [, sign, seconds] = /^\$now([+-])(\d+)$/.exec(text) ?? []
  if (seconds !== undefined) return (lookup['$now'] as number) + Number(`${sign}${seconds}`)
  const [, length] = /^\$long (\d+)$/.exec(text) ?? []
  if (length !== undefined) return 'k'.repeat(Number(length))
  return text.replace(/\$(?:issuer|ISSUER|resource|RESOURCE|base|state|STATE|now|in600)/g, (name) => {
    return Object.hasOwn(lookup, name) ? String(lookup[name]) : name
  })
}

/** Members of `base` replaced by those of `changes`; `$absent` takes one away. */
export const change = (
  base: Readonly<Record<string, unknown>>,
  changes: unknown,
  lookup: Lookup,
): Record<string, unknown> => {
  const changed = { ...base }
  for (const [name, value] of Object.entries((changes ?? {}) as object)) {
    const filled = fillOne(value, lookup)
    if (filled === absent) delete changed[name]
    else changed[name] = filled
  }
  return changed
}
