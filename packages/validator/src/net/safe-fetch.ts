import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { ValidatorError } from '../errors.ts'
import { checkUrl, type UrlOptions } from '../kinds/url.ts'
import { createSafeLookup, type SafeLookupOptions } from './safe-lookup.ts'

export interface SafeFetchOptions extends SafeLookupOptions, Pick<UrlOptions, 'schemes' | 'hosts'> {
  /** Redirects that are followed, each checked like the first URL: 0 to 20. Default 5. */
  readonly maxRedirects?: number
  /** Largest body, in bytes as they arrive: 1 to 1,073,741,824. Default 10,485,760. */
  readonly maxBodyBytes?: number
  /** For the whole exchange, redirects and body included: 1 to 600,000 ms. Default 30,000. */
  readonly timeoutMs?: number
}

export interface SafeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** After redirects. */
  readonly url: string
  readonly body: Uint8Array
}

type Init = {
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Headers that are for the first host alone. */
const FOR_ORIGIN = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key'])

/**
 * Fetches a URL that somebody else chose: the URL, every address behind its name, and every redirect are checked; connections go to the addresses that were checked. GET and HEAD;
 * bodies are not decompressed (`accept-encoding: identity`), which keeps `maxBodyBytes` honest.
 * @throws ValidatorError ERR_VALIDATOR_OPTIONS; from the answer: ERR_VALIDATOR_BLOCKED for what is refused or too large, errors of the network as they are
 */
export function createSafeFetch(options: SafeFetchOptions = {}): (url: string, init?: Init) => Promise<SafeResponse> {
  const {
    maxRedirects = 5,
    maxBodyBytes = 10_485_760,
    timeoutMs = 30_000,
    schemes,
    hosts,
    allowPrivate = [],
    resolve,
    ...unknown
  } = options
  const [field] = Object.keys(unknown)
  if (field !== undefined)
    throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `options have an unknown field ${JSON.stringify(field)}`)
  whole('maxRedirects', maxRedirects, 0, 20)
  whole('maxBodyBytes', maxBodyBytes, 1, 1_073_741_824)
  whole('timeoutMs', timeoutMs, 1, 600_000)
  const lookup = createSafeLookup({ allowPrivate, ...(resolve === undefined ? {} : { resolve }) })
  const allowed = [...(schemes ?? ['http', 'https'])].filter((scheme) => scheme === 'http' || scheme === 'https')

  const judge = (url: string): URL => {
    const name = hostOf(url)
    const permitted = allowPrivate.some((pattern) =>
      pattern.startsWith('*.') ? name.endsWith(pattern.slice(1).toLowerCase()) : name === pattern.toLowerCase(),
    )
    const problem = checkUrl(url, {
      schemes: allowed,
      allowRelative: false,
      denyPrivate: !permitted,
      ...(hosts === undefined ? {} : { hosts }),
    })
    if (problem !== undefined)
      throw new ValidatorError('ERR_VALIDATOR_BLOCKED', `the URL is refused: ${problem.detail ?? problem.ruleId}`)
    return new URL(url)
  }

  return async (first, { method = 'GET', headers = {}, signal } = {}) => {
    const deadline = AbortSignal.timeout(timeoutMs)
    const ends = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    let url = judge(first)
    let sent = { ...lowerCase(headers), 'accept-encoding': 'identity' } as Record<string, string>
    try {
      for (let hop = 0; ; hop++) {
        const response = await send(url, {
          method,
          headers: sent,
          lookup: lookup as NonNullable<RequestOptions['lookup']>,
          signal: ends,
        })
        const { statusCode: status = 0 } = response
        const location = response.headers.location
        if (location === undefined || ![301, 302, 303, 307, 308].includes(status)) {
          return { status, headers: response.headers, url: url.href, body: await readBody(response, maxBodyBytes) }
        }
        response.destroy()
        if (hop >= maxRedirects)
          throw new ValidatorError('ERR_VALIDATOR_BLOCKED', `more than ${maxRedirects} redirects`)
        const next = judge(new URL(location, url).href)
        if (url.protocol === 'https:' && next.protocol === 'http:')
          throw new ValidatorError('ERR_VALIDATOR_BLOCKED', 'a redirect leaves TLS')
        if (next.origin !== url.origin)
          sent = Object.fromEntries(Object.entries(sent).filter(([name]) => !FOR_ORIGIN.has(name)))
        url = next
      }
    } catch (error) {
      // Why it ended, not that it did.
      throw ends.aborted ? ends.reason : error
    }
  }
}

function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...options, agent: false })
    request.once('response', resolve)
    request.once('error', reject)
    request.end()
  })
}

async function readBody(response: IncomingMessage, maxBodyBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += (chunk as Uint8Array).byteLength
    if (bytes > maxBodyBytes) {
      response.destroy()
      throw new ValidatorError('ERR_VALIDATOR_BLOCKED', `the body is larger than ${maxBodyBytes} bytes`)
    }
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks)
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname
  } catch {
    return ''
  }
}

const lowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

function whole(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', `${name} must be a whole number from ${least} to ${most}`)
}
