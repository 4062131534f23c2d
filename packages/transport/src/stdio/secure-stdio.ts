import type { Principal } from '@portcullis/authz'
import {
  type AuthRequest,
  type Credential,
  type Exchange,
  type Guard,
  idOf,
  type JsonRpcMessage,
  refuse,
  type Refusal,
  rpcCodes,
  shapeOf,
  takeInBandCredential,
  toResponse,
} from '@portcullis/guard'
import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import { createDispatcher } from '../hub/dispatcher.ts'
import { claims, refusedEnvelope } from '../hub/envelope.ts'
import { createSession, noFacts, type Session } from '../hub/session.ts'
import { assertOptions, type Check, isObject, isText, isWhole } from '../options.ts'
import type { Gateway, McpEndpoint } from '../types.ts'
import { readLines } from './lines.ts'

export interface SecureStdioOptions {
  /** The credential of whoever started this process; it is verified for every message. */
  readonly credential?: string
  /** Bytes of a message. Default 1,048,576. */
  readonly maxMessageBytes?: number
  /** Default `process.stdin` and `process.stdout`. */
  readonly input?: Readable
  readonly output?: Writable
}

/** A server on stdio. */
export interface SecuredStdio {
  /** Resolves when the client is gone and everything it asked is answered. */
  readonly ended: Promise<void>
  close(): Promise<void>
}

const graceMs = 5000

const checks: Readonly<Record<keyof SecureStdioOptions, Check>> = {
  credential: isText,
  maxMessageBytes: isWhole(1, 268_435_456),
  input: isObject,
  output: isObject,
}

const parseError = (): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', 'Parse error', { rpcCode: rpcCodes.parseError, reason: 'json' })
const invalid = (message: string): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', message, { rpcCode: rpcCodes.invalidRequest, reason: 'json_rpc' })

/**
 * Serves an MCP server on standard input and output behind a guard. Nothing but protocol messages is written to the output.
 * The caller is known by a credential inside the message, else by the one of the process.
 */
export const secureStdio = async (
  endpoint: McpEndpoint | Gateway,
  guard: Guard,
  options: SecureStdioOptions = {},
): Promise<SecuredStdio> => {
  assertOptions('secureStdio', options, checks)
  const { input = process.stdin, output = process.stdout, maxMessageBytes = 1_048_576 } = options
  /** One client, but not necessarily one principal: what a principal owns here, another does not. */
  const sessions = new Map<string, Session>()
  const dispatcher = createDispatcher(endpoint, {
    guard,
    masterKeys: [randomBytes(32)],
    sole: true,
    sessions: () => sessions.values(),
  })
  const processCredential: Credential | undefined =
    options.credential === undefined ? undefined : { source: 'api_key', text: options.credential }
  const underWay = new Set<Promise<void>>()
  let open = true
  let initialized = false
  let spokeStateless = false

  const send = (message: unknown): boolean => {
    if (!open) return false
    let json: string
    try {
      json = JSON.stringify(message)
    } catch {
      // Nested too deep to be written: it concerns one message, not everybody.
      return false
    }
    output.write(`${json}\n`)
    return true
  }
  const sessionOf = (principal: Principal, auth: AuthRequest, stateless: boolean): Session => {
    const key = `${stateless ? 'stateless' : 'session'} ${principal.id}`
    const known = sessions.get(key)
    if (known !== undefined) return known
    const session = createSession(principal.id, noFacts(stateless ? '2026-07-28' : '2025-11-25'))
    // Who speaks 2026-07-28 hears of changes only what it listens for.
    if (!stateless) session.stream = { send, renew: () => guard.renew(auth), close: () => {} }
    // Principals come from credentials that were verified, so there are few; a bound costs nothing.
    if (sessions.size >= 1000) sessions.clear()
    sessions.set(key, session)
    return session
  }

  const handle = async (value: unknown): Promise<void> => {
    const { message: cleaned, credential: inBand } = takeInBandCredential(value)
    const shape = shapeOf(cleaned)
    const id = idOf(cleaned)
    if (shape === 'invalid') {
      const text = Array.isArray(value) ? 'Batches are not accepted on stdio.' : 'Not a JSON-RPC 2.0 message.'
      return void send(toResponse(invalid(text), id))
    }
    const auth: AuthRequest = { transport: 'stdio', credential: inBand ?? processCredential }
    const opened = await guard.open(auth)
    if (!opened.ok) {
      if (shape === 'request') send(toResponse(opened, id))
      return
    }
    const { principal } = opened
    const message = cleaned as JsonRpcMessage
    const params = 'method' in message ? message.params : undefined
    // The rest of a stateless client's messages says nothing by itself: a cancellation, for one.
    const stateless = claims(params) || (!initialized && spokeStateless && shape === 'notification')
    const refused = claims(params) && shape === 'request' ? refusedEnvelope(params) : undefined
    if (refused !== undefined) return void send(toResponse(refused, id))
    if (stateless) spokeStateless = true
    else if ('method' in message && message.method === 'initialize') initialized = true
    const session = sessionOf(principal, auth, stateless)
    const exchange: Exchange = { principal, transport: 'stdio', revision: session.facts.revision }
    const reply = { send: (sent: JsonRpcMessage) => send(sent), renew: () => guard.renew(auth) }
    if (!('method' in message)) return dispatcher.response(session, exchange, message)
    if (!('id' in message)) return dispatcher.notification(session, exchange, message)
    const answer = await dispatcher.request(session, exchange, message, reply)
    if (!answer.ok) send(toResponse(answer, id, exchange.revision))
    else if (answer.response !== undefined) send(answer.response)
  }

  const onLine = (line: Buffer): void => {
    const text = isUtf8(line) ? line.toString('utf8').trim() : undefined
    if (text === '') return
    const [finding] = text === undefined ? [] : guard.text(text).filter(({ enforced }) => enforced)
    if (finding !== undefined && !finding.ruleId.endsWith('.syntax')) {
      return void send(toResponse(invalid(`Refused by validation: ${finding.ruleId}.`), null))
    }
    let value: unknown
    try {
      if (text === undefined) throw new SyntaxError('not UTF-8')
      value = JSON.parse(text)
    } catch {
      return void send(toResponse(parseError(), null))
    }
    const work = handle(value).catch((error: unknown) => {
      send(toResponse(refuse(500, 'PORTCULLIS_INTERNAL', 'Internal error.'), idOf(value)))
      guard.note({ type: 'fault', error: error instanceof Error ? error.message : 'unknown' })
    })
    underWay.add(work)
    void work.finally(() => underWay.delete(work))
  }

  const close = async (): Promise<void> => {
    // Who closed our input may still read our output, but not for ever.
    await Promise.race([Promise.allSettled(underWay), new Promise((resolve) => setTimeout(resolve, graceMs).unref())])
    open = false
    await dispatcher.close()
  }

  const ended = new Promise<void>((resolve) => {
    const finish = (): void => void close().then(resolve)
    input.once('end', finish).once('close', finish)
    output.once('error', finish)
  })
  readLines(input, maxMessageBytes, onLine, () => {
    send(toResponse(refuse(413, 'PORTCULLIS_TOO_LARGE', `A message may have ${maxMessageBytes} bytes.`), null))
  })
  return { ended, close }
}
