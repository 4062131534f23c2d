import type { Principal } from '@portcullis/authz'
import {
  type AuthRequest,
  type Exchange,
  type Guard,
  idOf,
  isStateless,
  type JsonRpcMessage,
  type JsonRpcRequest,
  refuse,
  type Refusal,
  type Revision,
  rpcCodes,
  shapeOf,
  takeInBandCredential,
  toResponse,
} from '@portcullis/guard'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Answer } from '../hub/dispatcher.ts'
import { claims } from '../hub/envelope.ts'
import { revisions } from '../hub/facts.ts'
import { createSession, noFacts, type Session } from '../hub/session.ts'
import { acceptsOf } from './accept.ts'
import { declaredLength, readBody } from './body.ts'
import type { FrontOptions, Incoming } from './types.ts'
import { header } from './headers.ts'
import { limitHeaders } from './limit-headers.ts'
import { createReplyOutlet } from './outlet.ts'
import type { Replays } from './replay.ts'
import { replyEmpty, replyRefusal } from './reply.ts'
import { revisionOf, statusOf } from './stateless.ts'
import type { Reply } from '../types.ts'

type FindSession = (request: IncomingMessage, principal: Principal) => Session | Refusal | undefined

const maxInBandBytes = 65_536
/** Up to this size a body is read before a principal over its limit is refused, because it may be a ping. */
const smallBodyBytes = 4096
const maxBatch = 100
const resumableSince: Revision = '2025-11-25'
const jsonType = /^application\/json[ \t]*(?:;|$)/i

const badRequest = (message: string, reason: string): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', message, { rpcCode: rpcCodes.invalidRequest, reason })

const tooLarge = (maxBytes: number): Refusal =>
  refuse(413, 'PORTCULLIS_TOO_LARGE', `A request may have ${maxBytes} bytes.`, { reason: 'body_size' })

const notJson = (): Refusal =>
  refuse(400, 'PORTCULLIS_BAD_REQUEST', 'Parse error', { rpcCode: rpcCodes.parseError, reason: 'json' })

/** Checks of the body's headers that cost nothing. */
const refusedType = (request: IncomingMessage): Refusal | undefined => {
  const encoding = header(request, 'content-encoding')
  const type = header(request, 'content-type')
  if ((encoding !== undefined && encoding !== 'identity') || type === undefined || !jsonType.test(type)) {
    return refuse(
      415,
      'PORTCULLIS_UNSUPPORTED_MEDIA_TYPE',
      'The body must be application/json, without Content-Encoding.',
      {
        reason: 'media_type',
      },
    )
  }
  return undefined
}

/** Raw text to a value: limits and forbidden shapes first, then the one parse. */
const parse = (text: string, guard: Guard, maxBytes: number): { ok: true; value: unknown } | Refusal => {
  const [finding] = guard.text(text).filter(({ enforced }) => enforced)
  if (finding !== undefined) {
    if (finding.ruleId.endsWith('.size')) return tooLarge(maxBytes)
    if (finding.ruleId.endsWith('.syntax')) return notJson()
    return badRequest(
      `Refused by validation: ${finding.ruleId} at ${finding.pointer === '' ? '/' : finding.pointer}.`,
      finding.ruleId,
    )
  }
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch {
    return notJson()
  }
}

/** POST: one message, or for 2025-03-26 a batch of them. */
export const createPost = (options: FrontOptions, replays: Replays) => {
  const { guard, dispatcher, sessions, maxBodyBytes = 1_048_576 } = options

  const open = async (auth: AuthRequest): Promise<Principal | Refusal> => {
    const opened = await guard.open(auth)
    return opened.ok ? opened.principal : opened
  }

  /** Stages 3 to 5. In-band credentials turn 3 and 5 around, so they are looked for in small bodies only. */
  const receive = async ({
    request,
    auth,
  }: Incoming): Promise<{ ok: true; principal: Principal; value: unknown } | Refusal> => {
    const inBand = options.inBand === true && auth.credential === undefined
    let principal: Principal | undefined
    if (!inBand) {
      const answer = await open(auth)
      if ('ok' in answer) return answer
      principal = answer
    }
    /** Whoever sent this is not known, unless its key would have been in what cannot be read: then it has none. */
    const misuse = async (refusal: Refusal): Promise<Refusal> => {
      if (principal !== undefined) return guard.misused(principal, auth.address, refusal)
      const answer = await open(auth)
      return 'ok' in answer ? answer : refusal
    }
    const refused = refusedType(request)
    if (refused !== undefined) return misuse(refused)
    const length = declaredLength(request)
    if (principal !== undefined && (length === undefined || length > smallBodyBytes)) {
      const over = guard.overLimit(principal, auth.address)
      if (over !== undefined) return over
    }
    const maxBytes = inBand ? Math.min(maxInBandBytes, maxBodyBytes) : maxBodyBytes
    if (length !== undefined && length > maxBytes) return misuse(tooLarge(maxBytes))
    const body = await readBody(request, maxBytes)
    if (!body.ok) return misuse(body.reason === 'not_utf8' ? notJson() : tooLarge(maxBytes))
    const parsed = parse(body.text, guard, maxBytes)
    if (!parsed.ok) return misuse(parsed)
    const { message, credential } = cleaned(parsed.value)
    if (principal === undefined) {
      // Only keys: a token inside a message would be one that the protocol wants in a header.
      const own = credential !== 'malformed' && credential?.source === 'in_band_oauth2' ? 'malformed' : credential
      const answer = await open({ ...auth, credential: own })
      if ('ok' in answer) return answer
      principal = answer
    }
    return { ok: true, principal, value: message }
  }

  const cleaned = (value: unknown): ReturnType<typeof takeInBandCredential> => {
    if (!Array.isArray(value)) return takeInBandCredential(value)
    const taken = value.map(takeInBandCredential)
    // One request, one caller: a batch cannot say who it is message by message.
    return {
      message: taken.map(({ message }) => message),
      credential: taken.some(({ credential }) => credential !== undefined) ? 'malformed' : undefined,
    }
  }

  return async (incoming: Incoming, find: FindSession, drain: () => void): Promise<void> => {
    const { request, response, auth, headers, guidance } = incoming
    const fail = (refusal: Refusal, id: ReturnType<typeof idOf> = null, revision?: Revision): void => {
      replyRefusal(response, refusal, id, headers, { guidance, ...(revision === undefined ? {} : { revision }) })
      if (!request.complete) drain()
    }

    const received = await receive(incoming)
    if (!received.ok) return fail(received)
    const { principal, value } = received
    /** For what is no request although its sender is known: it counts all the same. */
    const misuse = async (refusal: Refusal, id?: ReturnType<typeof idOf>): Promise<void> =>
      fail(await guard.misused(principal, auth.address, refusal), id)
    const accepts = acceptsOf(request)
    if (!accepts.json && !accepts.stream) {
      return fail(
        refuse(406, 'PORTCULLIS_NOT_ACCEPTABLE', 'Accept must include application/json or text/event-stream.'),
        idOf(value),
      )
    }
    const stateless = header(request, 'mcp-protocol-version')?.trim() === revisions[0]
    const named = stateless ? undefined : find(request, principal)
    if (named !== undefined && 'ok' in named) return fail(named, idOf(value))

    const batch = Array.isArray(value)
    if (batch && named?.facts.revision !== '2025-03-26') {
      return misuse(badRequest('Batches are a thing of revision 2025-03-26.', 'batch'))
    }
    const messages: unknown[] = batch ? value : [value]
    if (messages.length === 0 || messages.length > maxBatch) {
      return misuse(badRequest(`A batch holds 1 to ${maxBatch} messages.`, 'batch_size'))
    }
    if (messages.some((message) => shapeOf(message) === 'invalid')) {
      return misuse(badRequest('Not a JSON-RPC 2.0 message.', 'json_rpc'), batch ? null : idOf(value))
    }
    const initializing = (messages as JsonRpcMessage[]).some(
      (message) => 'method' in message && message.method === 'initialize',
    )
    if (initializing && batch) return misuse(badRequest('initialize must not be part of a batch.', 'batch'))
    if (batch && (messages as JsonRpcMessage[]).some((message) => 'method' in message && claims(message.params))) {
      return misuse(badRequest('Batches are a thing of revision 2025-03-26.', 'batch'))
    }
    const own = (name: string): string | undefined => header(request, name)
    const revision = batch ? '2025-03-26' : revisionOf(messages[0] as JsonRpcMessage, own)
    if (typeof revision !== 'string') return misuse(revision, idOf(value))

    // Without sessions there is nothing that the id of one could mean.
    const continued = initializing || isStateless(revision) ? undefined : named
    const session = continued ?? createSession(principal.id, noFacts(revision))
    const exchange: Exchange = {
      principal,
      transport: 'http',
      revision: session.facts.revision,
      ...(auth.address === undefined ? {} : { address: auth.address }),
      ...(session.tag === undefined ? {} : { session: session.tag }),
    }
    const requests: JsonRpcRequest[] = []
    for (const message of messages as JsonRpcMessage[]) {
      if ('method' in message) {
        if ('id' in message) requests.push(message)
        else dispatcher.notification(session, exchange, message)
      } else {
        dispatcher.response(session, exchange, message)
      }
    }
    if (requests.length === 0) return replyEmpty(response, 202, headers)

    const leave = (): void => {
      for (const { id } of requests) dispatcher.leave(session, id)
    }
    // Whoever has a session and speaks a revision that knows how may take a broken stream up again.
    const [single] = requests
    const resumable =
      session.id === undefined || batch || single === undefined || session.facts.revision < resumableSince
        ? undefined
        : () => {
            resumed = true
            return replays.open(session, leave)
          }
    let resumed = false
    const outlet = createReplyOutlet(response, accepts, headers, resumable)
    response.on('close', () => {
      if (!response.writableFinished && !resumed) leave()
    })
    const stream: Reply = {
      send: outlet.send,
      renew: () => guard.renew(auth),
      header: own,
      ...(outlet.pause === undefined ? {} : { pause: outlet.pause }),
    }
    const answers = await Promise.all(requests.map((message) => dispatcher.request(session, exchange, message, stream)))
    if (batch) {
      const responses = answers.flatMap((answer, index) => {
        if (!answer.ok) return [toResponse(answer, (requests[index] as JsonRpcRequest).id)]
        return answer.response === undefined ? [] : [answer.response]
      })
      return outlet.finish(200, responses.length === 0 ? undefined : responses)
    }
    const [answer] = answers as [Answer | Refusal]
    const [{ id }] = requests as [JsonRpcRequest]
    if (!answer.ok) {
      return outlet.streaming
        ? outlet.finish(200, toResponse(answer, id, exchange.revision))
        : fail(answer, id, exchange.revision)
    }
    outlet.finish(statusOf(exchange.revision, answer.response), answer.response, {
      ...(answer.pass.limit === undefined ? {} : limitHeaders(answer.pass.limit)),
      ...(initializing ? started(principal, session, answer) : {}),
    })
  }

  /** The header that names a new session. Anonymous callers have nothing that a session could belong to. */
  function started(principal: Principal, session: Session, answer: Answer): OutgoingHttpHeaders {
    if (answer.response?.result === undefined || principal.method === 'anonymous') return {}
    return { 'mcp-session-id': sessions.start(principal, session.facts).id }
  }
}
