import { isPrivateIPv4, isPrivateIPv6 } from './ranges.ts'

/** What a host of a URL is, after a parser of the WHATWG made it canonical: lower case, IPv4 in four decimals, IPv6 in brackets. */
export type HostKind = 'private' | 'public' | 'name'

const INNER_SUFFIXES = [
  '.localhost',
  '.local',
  '.localdomain',
  '.internal',
  '.intranet',
  '.lan',
  '.home',
  '.corp',
  '.private',
  '.home.arpa',
  '.svc',
  '.cluster.local',
  '.in-addr.arpa',
  '.ip6.arpa',
  '.onion',
]
/** Names that lead to metadata services or to this machine. */
const INNER_NAMES = new Set([
  'metadata.packet.net',
  'metadata.tencentyun.com',
  'metadata.platformequinix.com',
  'metadata.azure.com',
  'metadata.nicb.com',
  'rancher-metadata',
  'instance-data.ec2.amazonaws.com',
  'localtest.me',
  'lvh.me',
  'lacolhost.com',
  'vcap.me',
  'yoogle.com',
  'readme.localtest.me',
  'bugbounty.dod.network',
  'spoofed.burpcollaborator.net',
  'customer1.app.localhost.my.company.127.0.0.1.nip.io',
  '1u.ms',
  'localho.st',
  'fuf.me',
  'fbi.com',
  'lndo.site',
  'ulh.us',
  'mail.ebc.apple.com',
  'kubernetes.default',
])
/** Domains whose names say which address they have. */
const ADDRESS_DOMAINS = [
  'nip.io',
  'sslip.io',
  'xip.io',
  'xip.name',
  'localtest.me',
  'lvh.me',
  'vcap.me',
  '1u.ms',
  'rbndr.us',
  'traefik.me',
  'backname.io',
  'ip6.name',
  'nip.me',
  'fuf.me',
  'localho.st',
  'lacolhost.com',
  'yourdomain.localhost',
  'lndo.site',
  'dnsrebind.it',
  'rebind.network',
  'whonow.host',
]

export function classifyHost(host: string): HostKind {
  if (host.startsWith('[')) {
    const groups = parseIPv6(host.slice(1, -1))
    return groups === undefined || isPrivateIPv6(groups) ? 'private' : 'public'
  }
  const name = host.endsWith('.') ? host.slice(0, -1) : host
  const address = parseIPv4(name)
  if (address !== undefined) return isPrivateIPv4(address) ? 'private' : 'public'
  if (!name.includes('.')) return 'private'
  if (INNER_NAMES.has(name) || INNER_SUFFIXES.some((suffix) => name.endsWith(suffix))) return 'private'
  if (name.startsWith('metadata.') || name.startsWith('instance-data.')) return 'private'
  return ADDRESS_DOMAINS.some((domain) => name === domain || name.endsWith(`.${domain}`)) ? 'private' : 'name'
}

/** Four decimal numbers. */
export function parseIPv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let address = 0
  for (const part of parts) {
    if (part.length === 0 || part.length > 3 || !/^\d+$/.test(part) || Number(part) > 255) return undefined
    address = address * 256 + Number(part)
  }
  return address
}

/** RFC 4291, as `URL` writes it (no zone). */
export function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const read = (half: string): number[] =>
    half === ''
      ? []
      : half.split(':').flatMap((group, index, all) => {
          if (index !== all.length - 1 || !group.includes('.')) return [Number.parseInt(group, 16)]
          const tail = parseIPv4(group)
          return tail === undefined ? [Number.NaN] : [tail >>> 16, tail & 0xffff]
        })
  const before = read(halves[0] as string)
  const after = halves.length === 2 ? read(halves[1] as string) : []
  const missing = 8 - before.length - after.length
  if (halves.length === 2 ? missing < 0 : missing !== 0) return undefined
  const groups = [...before, ...Array.from({ length: missing }, () => 0), ...after]
  return groups.every((group) => group >= 0 && group <= 0xffff) ? groups : undefined
}
