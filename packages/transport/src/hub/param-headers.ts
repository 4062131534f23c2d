import { isRecord, type JsonRpcResponse, refuse, type Refusal, rpcCodes } from '@portcullis/guard'
import { TransportError } from '../errors.ts'

/**
 * `Mcp-Param-*` headers (2026-07-28): a tool may declare with `x-mcp-header` that an argument stands in a header too, so that
 * intermediaries can route by it. What they went by must be what the tool is told.
 */
export interface ParamHeaders {
  /** The refusal of arguments that the headers contradict. */
  disagree(tool: string, args: unknown, header: (name: string) => string | undefined): Promise<Refusal | undefined>
  /** The server's tools are other ones now. */
  forget(): void
}

interface Declaration {
  readonly path: readonly string[]
  readonly header: string
  readonly numeric: boolean
}

const maxPages = 100
const maxDepth = 16
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const decimal = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/

const mismatch = (header: string, text: string): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', `Bad Request: headers and body disagree: ${text}`, {
    rpcCode: rpcCodes.headerMismatch,
    data: { header },
    reason: 'header_mismatch',
  })

/** A header value that may be written as `=?base64?...?=`; `undefined` when it is, and is not canonical. */
export const decodeHeader = (value: string): string | undefined => {
  const text = value.trim()
  if (!(text.startsWith('=?base64?') && text.endsWith('?='))) return text
  const encoded = text.slice(9, -2)
  const bytes = Buffer.from(encoded, 'base64')
  // One text, one spelling: what an intermediary compares must be what is compared here.
  if (bytes.toString('base64') !== encoded) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The declarations on properties that can be reached by `properties` alone; elsewhere they mean nothing. */
const declarationsOf = (schema: unknown, path: readonly string[] = []): Declaration[] => {
  if (!isRecord(schema) || path.length > maxDepth) return []
  const { 'x-mcp-header': name, type, properties } = schema
  const own =
    typeof name === 'string' && token.test(name) && path.length > 0
      ? [{ path, header: `mcp-param-${name.toLowerCase()}`, numeric: type === 'integer' || type === 'number' }]
      : []
  const inner = isRecord(properties)
    ? Object.entries(properties).flatMap(([key, child]) => declarationsOf(child, [...path, key]))
    : []
  return [...own, ...inner]
}

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined), value)

const agrees = (header: string, value: string | number | boolean, numeric: boolean): boolean =>
  numeric && typeof value === 'number' && decimal.test(header) ? Number(header) === value : header === String(value)

export const createParamHeaders = (
  listTools: (params: Readonly<Record<string, unknown>>) => Promise<JsonRpcResponse>,
): ParamHeaders => {
  let known: Promise<ReadonlyMap<string, readonly Declaration[]>> | undefined

  const load = async (): Promise<ReadonlyMap<string, readonly Declaration[]>> => {
    const declared = new Map<string, readonly Declaration[]>()
    let cursor: unknown
    for (let page = 0; page < maxPages; page++) {
      const { result, error } = await listTools(cursor === undefined ? {} : { cursor })
      // A server without tools has none that declares a header; any other that does not say which declare one, says nothing.
      if (error?.code === rpcCodes.methodNotFound) break
      if (!isRecord(result) || !Array.isArray(result['tools'])) {
        throw new TransportError('ERR_TRANSPORT_UPSTREAM', 'the server does not list its tools')
      }
      for (const tool of result['tools'] as unknown[]) {
        if (!isRecord(tool) || typeof tool['name'] !== 'string') continue
        const declarations = declarationsOf(tool['inputSchema'])
        if (declarations.length > 0) declared.set(tool['name'], declarations)
      }
      cursor = result['nextCursor']
      if (typeof cursor !== 'string') break
    }
    return declared
  }

  return {
    async disagree(tool, args, header) {
      known ??= load().catch((error: unknown) => {
        known = undefined
        throw error
      })
      for (const { path, header: name, numeric } of (await known).get(tool) ?? []) {
        const value = at(args, path)
        if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') continue
        const sent = header(name)
        if (sent === undefined) return mismatch(name, `${name} is missing.`)
        const decoded = decodeHeader(sent)
        if (decoded === undefined) return mismatch(name, `${name} is not well encoded.`)
        if (!agrees(decoded, value, numeric)) return mismatch(name, `${name} is not what the arguments say.`)
      }
      return undefined
    },
    forget() {
      known = undefined
    },
  }
}
