import { createCidrSet, NetError, parseAddress } from '@portcullis-internal/net'
import { ValidatorError } from '../errors.ts'
import { parseIPv4, parseIPv6 } from '../net/host.ts'

/** Networks with something known of each; asked for the most specific one that holds an address. IPv4-mapped addresses count as IPv4. */
export interface Networks<T> {
  /** Canonical text of the network. Throws ERR_VALIDATOR_ADDRESS. */
  set(cidr: string, value: T): string
  get(cidr: string): T | undefined
  delete(cidr: string): boolean
  match(address: string): { readonly cidr: string; readonly prefix: number; readonly value: T } | undefined
  readonly size: number
  entries(): IterableIterator<[string, T]>
}

interface Kept<T> {
  readonly cidr: string
  readonly value: T
}

/** A lookup costs one step for each prefix length in use, however many networks there are. */
export function createNetworks<T>(): Networks<T> {
  const byText = new Map<string, T>()
  // Prefix lengths in falling order, those of IPv6 and IPv4 apart.
  const tables: { readonly bits: number; readonly prefix: number; readonly byKey: Map<string, Kept<T>> }[] = []
  const tableOf = (bits: number, prefix: number): (typeof tables)[number] => {
    const known = tables.find((table) => table.bits === bits && table.prefix === prefix)
    if (known !== undefined) return known
    const made = { bits, prefix, byKey: new Map<string, Kept<T>>() }
    tables.push(made)
    tables.sort((a, b) => b.prefix - a.prefix)
    return made
  }
  const placeOf = (canonical: string): { readonly table: (typeof tables)[number]; readonly key: string } => {
    const slash = canonical.indexOf('/')
    const groups = groupsOf(slash < 0 ? canonical : canonical.slice(0, slash)) as readonly number[]
    const bits = groups.length * 16
    const prefix = slash < 0 ? bits : Number(canonical.slice(slash + 1))
    return { table: tableOf(bits, prefix), key: keyOf(groups, prefix) }
  }
  return {
    set(cidr, value) {
      const canonical = canonicalCidr(cidr)
      byText.set(canonical, value)
      const { table, key } = placeOf(canonical)
      table.byKey.set(key, { cidr: canonical, value })
      return canonical
    },
    get: (cidr) => byText.get(canonicalCidr(cidr)),
    delete(cidr) {
      const canonical = canonicalCidr(cidr)
      if (!byText.delete(canonical)) return false
      const { table, key } = placeOf(canonical)
      table.byKey.delete(key)
      if (table.byKey.size === 0) tables.splice(tables.indexOf(table), 1)
      return true
    },
    match(address) {
      if (tables.length === 0) return undefined
      const canonical = parseAddress(address)
      const groups = canonical === undefined ? undefined : groupsOf(canonical)
      if (groups === undefined) return undefined
      const bits = groups.length * 16
      for (const table of tables) {
        if (table.bits !== bits) continue
        const kept = table.byKey.get(keyOf(groups, table.prefix))
        if (kept !== undefined) return { ...kept, prefix: table.prefix }
      }
      return undefined
    },
    get size() {
      return byText.size
    },
    entries: () => byText.entries(),
  }
}

/** Two 16-bit groups of IPv4, eight of IPv6. */
function groupsOf(canonical: string): readonly number[] | undefined {
  if (canonical.includes(':')) return parseIPv6(canonical)
  const address = parseIPv4(canonical)
  return address === undefined ? undefined : [Math.floor(address / 65_536), address % 65_536]
}

function keyOf(groups: readonly number[], prefix: number): string {
  let key = ''
  for (let i = 0; i * 16 < prefix; i++) {
    const bits = Math.min(16, prefix - i * 16)
    key += String.fromCharCode((groups[i] as number) & (0xffff << (16 - bits)) & 0xffff)
  }
  return key
}

/** @throws ValidatorError ERR_VALIDATOR_ADDRESS */
export function canonicalCidr(cidr: string): string {
  try {
    return createCidrSet([cidr]).entries()[0] as string
  } catch (error) {
    if (error instanceof NetError) throw new ValidatorError('ERR_VALIDATOR_ADDRESS', error.message, { cause: error })
    throw error
  }
}
