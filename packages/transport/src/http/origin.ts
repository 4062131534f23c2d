/** Who may talk to us by which name: the defences against DNS rebinding and cross-site requests (MCP transports, security warning). */
export interface OriginPolicy {
  /** Whether the `Host` header names this server. */
  allowsHost(host: string | undefined): boolean
  /** Whether a page of this `Origin` may call. Requests without one do not come from a page. */
  allowsOrigin(origin: string): boolean
}

export interface OriginOptions {
  /** Host names, or `name:port`. Default: loopback names only. */
  readonly allowedHosts?: readonly string[]
  /** Origins as browsers write them: `https://app.example.com`. `*` is not accepted. */
  readonly allowedOrigins?: readonly string[]
  /** Whether pages served from this machine may call; true when only loopback is listened on. */
  readonly loopback: boolean
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The host of `host[:port]`, in lower case, without a trailing dot; IPv6 keeps its brackets. */
const nameOf = (host: string): string => {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':')
  const name = (end <= 0 ? host : host.slice(0, end)).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

const wellFormed = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?$/

const isLoopbackOrigin = (origin: string): boolean => {
  try {
    const { protocol, hostname, origin: canonical } = new URL(origin)
    return canonical === origin && (protocol === 'http:' || protocol === 'https:') && loopbackNames.has(hostname)
  } catch {
    return false
  }
}

export const createOriginPolicy = ({ allowedHosts, allowedOrigins = [], loopback }: OriginOptions): OriginPolicy => {
  const hosts = new Set((allowedHosts ?? []).map((host) => host.toLowerCase()))
  const origins = new Set(allowedOrigins)
  return {
    allowsHost(host) {
      if (host === undefined || !wellFormed.test(host) || Number(/:([0-9]+)$/.exec(host)?.[1] ?? 0) > 65_535)
        return false
      const name = nameOf(host)
      if (hosts.has(name) || hosts.has(host.toLowerCase())) return true
      return loopback && loopbackNames.has(name)
    },
    allowsOrigin: (origin) => origins.has(origin) || (loopback && isLoopbackOrigin(origin)),
  }
}
