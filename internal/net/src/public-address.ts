import { parseAddress } from './address.ts'
import { createCidrSet } from './cidr-set.ts'

/** The IPv4 networks that are not globally reachable (IANA's special-purpose registry), multicast and the reserved rest. */
const special = createCidrSet([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Clouds answer questions about a machine here, although the address is a public one.
  '168.63.129.16/32',
])

/** Of IPv6 only global unicast is reachable, less what carries an IPv4 address within (Teredo, 6to4), documentation and the like. */
const unicast = createCidrSet(['2000::/3'])
const specialUnicast = createCidrSet(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'])

/**
 * Whether an address is one of the public internet: neither this machine, nor a private or link-local network, nor a way around to one of them (mapped,
 * compatible, translated or tunnelled IPv4). False for what is no address.
 */
export function isPublicAddress(address: string): boolean {
  const canonical = parseAddress(address)
  if (canonical === undefined) return false
  if (!canonical.includes(':')) return !special.has(canonical)
  return unicast.has(canonical) && !specialUnicast.has(canonical)
}
