import { parseAddress, parseDecimal } from './address.ts'
import type { CidrSet } from './cidr-set.ts'

const MAX_HOPS = 64

/**
 * The address of the client: the right-most one in the chain of `X-Forwarded-For` (and then the socket) that is not a trusted proxy.
 * Each proxy appends the peer that it saw, so an entry is believed only if every hop to its right is trusted. An entry that is no address, or the
 * end of the chain, stops the walk at the nearest address that is known. Undefined if the socket has none (a pipe).
 * @param forwardedFor the header's lines in the order of arrival
 */
export function clientAddress(
  remoteAddress: string | undefined,
  forwardedFor: readonly string[],
  trusted: Pick<CidrSet, 'has'>,
): string | undefined {
  let known = remoteAddress === undefined ? undefined : parseAddress(remoteAddress)
  if (known === undefined || !trusted.has(known)) return known
  let hops = 0
  for (let line = forwardedFor.length - 1; line >= 0; line--) {
    const text = forwardedFor[line] as string
    let end = text.length
    while (end >= 0) {
      const comma = end === 0 ? -1 : text.lastIndexOf(',', end - 1)
      const address = parseHop(text.slice(comma + 1, end))
      if (address === undefined || ++hops > MAX_HOPS) return known
      known = address
      if (!trusted.has(address)) return address
      end = comma
    }
  }
  return known
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`. */
function parseHop(entry: string): string | undefined {
  if (entry.length > 256) return undefined
  const text = entry.trim()
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    const inside = close < 0 ? '' : text.slice(1, close)
    return inside.includes(':') && isPort(text.slice(close + 1)) ? parseAddress(inside) : undefined
  }
  const colon = text.indexOf(':')
  if (colon < 0 || text.includes(':', colon + 1)) return parseAddress(text)
  return isPort(text.slice(colon)) ? parseAddress(text.slice(0, colon)) : undefined
}

/** Nothing, or a colon and a port. */
function isPort(text: string): boolean {
  if (text === '') return true
  if (text[0] !== ':' || text.length < 2 || text.length > 6) return false
  for (let i = 1; i < text.length; i++) if (parseDecimal(text[i] as string, 9) === undefined) return false
  return Number(text.slice(1)) <= 65_535
}
