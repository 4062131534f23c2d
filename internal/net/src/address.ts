/** An address as 16-bit groups: two of IPv4, eight of IPv6. */
export type Groups = readonly number[]

const MAX_ADDRESS_CHARS = 45
const MAX_ZONE_CHARS = 32

/**
 * The canonical text of an address: dotted decimal, or RFC 5952. Undefined for what is none.
 * IPv4 is four decimal numbers without leading zeros (RFC 6943 section 3.1.1); IPv4-mapped IPv6 is the IPv4 address in it; a zone id (`%eth0`) is dropped.
 */
export function parseAddress(text: string): string | undefined {
  const groups = parseGroups(text)
  return groups === undefined ? undefined : formatGroups(groups)
}

/** The groups of an address, mapped addresses folded to IPv4. */
export function parseGroups(text: string): Groups | undefined {
  const groups = parseUnfolded(text)
  return groups !== undefined && isMapped(groups) ? groups.slice(6) : groups
}

/** As `parseGroups`, but a mapped address stays IPv6. */
export function parseUnfolded(text: string): Groups | undefined {
  if (typeof text !== 'string' || text.length > MAX_ADDRESS_CHARS + MAX_ZONE_CHARS + 1) return undefined
  if (!text.includes(':')) return parseIPv4(text)
  const zone = text.indexOf('%')
  if (zone < 0) return parseIPv6(text)
  return isZone(text, zone + 1) ? parseIPv6(text.slice(0, zone)) : undefined
}

function isZone(text: string, start: number): boolean {
  const zone = text.slice(start)
  return zone.length <= MAX_ZONE_CHARS && /^[A-Za-z0-9._~-]+$/.test(zone)
}

function isMapped(groups: Groups): boolean {
  return groups.length === 8 && groups[5] === 0xffff && groups.every((group, index) => index >= 5 || group === 0)
}

function parseIPv4(text: string): Groups | undefined {
  if (text.length < 7 || text.length > 15) return undefined
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes: number[] = []
  for (const part of parts) {
    const byte = parseDecimal(part, 255)
    if (byte === undefined) return undefined
    bytes.push(byte)
  }
  const [a, b, c, d] = bytes as [number, number, number, number]
  return [(a << 8) | b, (c << 8) | d]
}

/** A decimal number without sign, space or leading zero. */
export function parseDecimal(text: string, max: number): number | undefined {
  if (text.length === 0 || text.length > 3 || (text.length > 1 && text[0] === '0')) return undefined
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value <= max ? value : undefined
}

/** RFC 4291 section 2.2. */
function parseIPv6(text: string): Groups | undefined {
  if (text.length < 2 || text.length > MAX_ADDRESS_CHARS) return undefined
  const gap = text.indexOf('::')
  if (gap < 0) return parseRun(text, 8, true)
  const before = gap === 0 ? [] : parseRun(text.slice(0, gap), 7, false)
  const rest = text.slice(gap + 2)
  const after = rest === '' ? [] : parseRun(rest, 7, true)
  if (before === undefined || after === undefined || before.length + after.length > 7) return undefined
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0)
  return [...before, ...zeros, ...after]
}

/** Groups between colons; the last may be an IPv4 address that stands for two. Exactly eight without a gap, at most `max`. */
function parseRun(text: string, max: number, last: boolean): number[] | undefined {
  const parts = text.split(':')
  const groups: number[] = []
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes('.')) {
      const tail = parseIPv4(part)
      if (tail === undefined) return undefined
      groups.push(...tail)
    } else {
      if (part.length === 0 || part.length > 4 || !/^[0-9A-Fa-f]+$/.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups.length <= max && (max < 8 || groups.length === 8) ? groups : undefined
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two zero groups or more shortened. */
export function formatGroups(groups: Groups): string {
  if (groups.length === 2) return groups.map((group) => `${group >> 8}.${group & 255}`).join('.')
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) {
      start = i
      length = end - i
    }
    i = Math.max(i, end)
  }
  const hex = groups.map((group) => group.toString(16))
  if (start < 0) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** True for 127.0.0.0/8, `::1`, their mapped and bracketed spellings, and the name `localhost`. */
export function isLoopback(hostOrAddress: string): boolean {
  if (typeof hostOrAddress !== 'string') return false
  const bare = hostOrAddress.startsWith('[') && hostOrAddress.endsWith(']') ? hostOrAddress.slice(1, -1) : hostOrAddress
  if (bare === hostOrAddress && bare.length <= 10 && /^localhost\.?$/i.test(bare)) return true
  if (bare !== hostOrAddress && !bare.includes(':')) return false
  const groups = parseGroups(bare)
  if (groups === undefined) return false
  if (groups.length === 2) return (groups[0] as number) >> 8 === 127
  return groups.every((group, index) => group === (index === 7 ? 1 : 0))
}

/** What counts as one caller: an IPv4 address, or the /64 of an IPv6 address (`2001:db8::/64`). Undefined for what is no address. */
export function addressGroup(address: string): string | undefined {
  const groups = parseGroups(address)
  if (groups === undefined) return undefined
  if (groups.length === 2) return formatGroups(groups)
  return `${formatGroups([...groups.slice(0, 4), 0, 0, 0, 0])}/64`
}
