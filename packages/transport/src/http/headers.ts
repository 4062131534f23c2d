import type { IncomingMessage } from 'node:http'

/** Headers that must not be repeated: node keeps one of them or joins them, and a proxy before us may have kept another. */
const singletons = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-type',
  'dpop',
  'host',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'origin',
  'transfer-encoding',
  'x-api-key',
])

/** The name of the first singleton header that a request repeats. `own` is a further header that must stand alone. */
export const repeatedHeader = (request: IncomingMessage, own: string): string | undefined => {
  const { rawHeaders } = request
  const seen: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase()
    if (!singletons.has(name) && name !== own && !name.startsWith('mcp-param-')) continue
    if (seen.includes(name)) return name
    seen.push(name)
  }
  return undefined
}

/** All lines of a header, which node joins or drops for some names. */
export const headerLines = (request: IncomingMessage, name: string): string[] => {
  const { rawHeaders } = request
  const lines: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if ((rawHeaders[index] as string).toLowerCase() === name) lines.push(rawHeaders[index + 1] as string)
  }
  return lines
}

/** One header that node has not joined from several. */
export const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
