import { formatGroups, type Groups, parseDecimal, parseGroups, parseUnfolded } from './address.ts'
import { NetError } from './errors.ts'

/** Networks, asked by address. IPv4 and IPv6 are apart; mapped addresses count as IPv4. */
export interface CidrSet {
  /** False for text that is no address. */
  has(address: string): boolean
  /** Adds `10.0.0.0/8`, `2001:db8::/32` or a single address; answers its canonical text. Throws NetError ERR_NET_CIDR. */
  add(cidr: string): string
  /** True if exactly this network was in the set. Throws NetError ERR_NET_CIDR. */
  delete(cidr: string): boolean
  /** Canonical texts in the order of adding. */
  entries(): string[]
}

interface Cidr {
  readonly text: string
  readonly groups: Groups
  readonly prefix: number
}

/** @throws NetError ERR_NET_CIDR for a malformed network, with its text JSON-encoded */
export function createCidrSet(cidrs: readonly string[] = []): CidrSet {
  const texts = new Set<string>()
  // For each prefix length the networks of that length: a lookup costs one step for each length in use, however many networks there are.
  const byLength = new Map<number, Set<string>>()
  const set: CidrSet = {
    has(address) {
      const groups = byLength.size === 0 ? undefined : parseGroups(address)
      if (groups === undefined) return false
      const family = groups.length === 2 ? 1000 : 0
      for (const [slot, networks] of byLength) {
        if (slot >= 1000 === family > 0 && networks.has(networkKey(groups, slot - family))) return true
      }
      return false
    },
    add(cidr) {
      const parsed = parseCidr(cidr)
      texts.add(parsed.text)
      const networks = byLength.get(slotOf(parsed)) ?? new Set()
      networks.add(networkKey(parsed.groups, parsed.prefix))
      byLength.set(slotOf(parsed), networks)
      return parsed.text
    },
    delete(cidr) {
      const parsed = parseCidr(cidr)
      if (!texts.delete(parsed.text)) return false
      const networks = byLength.get(slotOf(parsed))
      networks?.delete(networkKey(parsed.groups, parsed.prefix))
      if (networks?.size === 0) byLength.delete(slotOf(parsed))
      return true
    },
    entries: () => [...texts],
  }
  for (const cidr of cidrs) set.add(cidr)
  return set
}

/** Prefix lengths of both families in one map. */
const slotOf = ({ groups, prefix }: Cidr): number => prefix + (groups.length === 2 ? 1000 : 0)

/** The first `prefix` bits as a string of 16-bit characters. */
function networkKey(groups: Groups, prefix: number): string {
  let key = ''
  for (let i = 0; i * 16 < prefix; i++) {
    const bits = Math.min(16, prefix - i * 16)
    key += String.fromCharCode((groups[i] as number) & (0xffff << (16 - bits)))
  }
  return key
}

function parseCidr(cidr: unknown): Cidr {
  const fail = (problem: string): never => {
    const shown = typeof cidr === 'string' ? JSON.stringify(cidr.slice(0, 100)) : `(${typeof cidr})`
    throw new NetError('ERR_NET_CIDR', `${shown} is not a network: ${problem}`)
  }
  if (typeof cidr !== 'string') return fail('it is not a string')
  const slash = cidr.indexOf('/')
  const address = slash < 0 ? cidr : cidr.slice(0, slash)
  const written = address.includes('%') ? undefined : parseUnfolded(address)
  if (written === undefined) return fail('it does not begin with an IPv4 or IPv6 address without a zone')
  const bits = written.length * 16
  const length = slash < 0 ? bits : parseDecimal(cidr.slice(slash + 1), bits)
  if (length === undefined) return fail(`what follows "/" must be a number from 0 to ${bits}`)
  const folded = length >= 96 ? (parseGroups(address) as Groups) : written
  const prefix = folded.length < written.length ? length - 96 : length
  const masked = folded.map(
    (group, i) => group & (0xffff << (16 - Math.min(16, Math.max(0, prefix - i * 16)))) & 0xffff,
  )
  const network = formatGroups(masked)
  if (formatGroups(folded) !== network)
    return fail(`bits are set after the prefix; the network is ${network}/${prefix}`)
  return { text: prefix === folded.length * 16 ? network : `${network}/${prefix}`, groups: masked, prefix }
}
