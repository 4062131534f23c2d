import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import { ValidatorError } from '../errors.ts'
import { classifyHost, parseIPv4, parseIPv6 } from './host.ts'
import { isPrivateIPv4, isPrivateIPv6 } from './ranges.ts'

export interface SafeLookupOptions {
  /** Names whose addresses may be private: `crm.internal`, `*.svc.example`. Default none. */
  readonly allowPrivate?: readonly string[]
  /** Resolves a name to all its addresses. Default `dns.lookup` with `all`. */
  readonly resolve?: (hostname: string, family: number) => Promise<readonly LookupAddress[]>
}

type Callback = (error: Error | null, address?: string | LookupAddress[], family?: number) => void

/** For the `lookup` option of `net.connect`, `http.request` and of `connect` of undici's agents. */
export type SafeLookup = (
  hostname: string,
  options: { family?: number | string; all?: boolean },
  callback: Callback,
) => void

/**
 * A `lookup` that resolves a name once, refuses it if any of its addresses is private, and hands the checked addresses to the connection: what was checked is what is connected to,
 * so that a name whose answer changes in between (DNS rebinding) gains nothing. `net.connect` does not call it for a host that is an address: see `createSafeFetch`.
 */
export function createSafeLookup({ allowPrivate = [], resolve = resolveAll }: SafeLookupOptions = {}): SafeLookup {
  return (hostname, { family, all }, callback) => {
    const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : 0
    check(hostname, wanted, allowPrivate, resolve).then(
      (addresses) => {
        if (all === true) callback(null, [...addresses])
        else callback(null, (addresses[0] as LookupAddress).address, (addresses[0] as LookupAddress).family)
      },
      (error: Error) => callback(error),
    )
  }
}

async function check(
  hostname: string,
  family: number,
  allowPrivate: readonly string[],
  resolve: NonNullable<SafeLookupOptions['resolve']>,
): Promise<readonly LookupAddress[]> {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  const permitted = allowPrivate.some((pattern) =>
    pattern.startsWith('*.') ? name.endsWith(pattern.slice(1).toLowerCase()) : name === pattern.toLowerCase(),
  )
  if (!permitted && isIP(name) === 0 && classifyHost(name) === 'private') throw blocked(hostname)
  const addresses = isIP(name) === 0 ? await resolve(name, family) : [{ address: name, family: isIP(name) }]
  if (addresses.length === 0)
    throw Object.assign(new Error(`no address for ${JSON.stringify(hostname.slice(0, 100))}`), { code: 'ENOTFOUND' })
  if (!permitted && addresses.some(({ address }) => isPrivateAddress(address))) throw blocked(hostname)
  return addresses
}

const blocked = (hostname: string): ValidatorError =>
  new ValidatorError(
    'ERR_VALIDATOR_BLOCKED',
    `${JSON.stringify(hostname.slice(0, 100))} leads into a private network, to this machine or to a metadata service`,
  )

/** True as well for what is no address. */
function isPrivateAddress(address: string): boolean {
  const v4 = parseIPv4(address)
  if (v4 !== undefined) return isPrivateIPv4(v4)
  const zone = address.indexOf('%')
  const groups = parseIPv6(zone < 0 ? address : address.slice(0, zone))
  return groups === undefined || isPrivateIPv6(groups)
}

const resolveAll = (hostname: string, family: number): Promise<readonly LookupAddress[]> =>
  new Promise((resolve, reject) => {
    dnsLookup(hostname, { all: true, family }, (error, addresses) =>
      error === null ? resolve(addresses) : reject(error),
    )
  })
