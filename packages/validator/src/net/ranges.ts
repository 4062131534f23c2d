/** Where no request of an honest client of the web goes: IANA special-purpose registries of IPv4 and IPv6, and addresses of metadata services. */
const V4: readonly (readonly [address: number, bits: number])[] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0586300, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 3],
  // Metadata of Azure (wire server) and Oracle.
  [0xa83f8110, 32],
]

export function isPrivateIPv4(address: number): boolean {
  return V4.some(([network, bits]) => address >>> (32 - bits) === network >>> (32 - bits))
}

/** Eight 16-bit groups. Addresses that carry an IPv4 address are judged by it; only global unicast is not private. */
export function isPrivateIPv6(groups: readonly number[]): boolean {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const low = ((g << 16) | h) >>> 0
  const zeroHead = a === 0 && b === 0 && c === 0 && d === 0
  // Mapped, compatible, and translated (RFC 2765) addresses.
  if (zeroHead && (e === 0 || e === 0xffff) && (f === 0 || f === 0xffff))
    return (e === 0 && f === 0 && low < 0x10000) || isPrivateIPv4(low)
  // NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214).
  if (a === 0x64 && b === 0xff9b) return isPrivateIPv4(low)
  if (a === 0x2002) return isPrivateIPv4(((b << 16) | c) >>> 0)
  if (a === 0x2001 && b === 0) return isPrivateIPv4(~low >>> 0) || isPrivateIPv4(((c << 16) | d) >>> 0)
  if (f === 0x5efe && (e & 0xfdff) === 0 && isPrivateIPv4(low)) return true
  if (a === 0x2001 && (b === 0xdb8 || (b & 0xfff0) === 0x10 || (b & 0xfff0) === 0x20 || b === 2)) return true
  if (a === 0x3fff && b < 0x1000) return true
  return (a & 0xe000) !== 0x2000
}
