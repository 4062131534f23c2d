import type { HeldLease } from '../lease.ts'
import { createDecider, endLease, type HttpLimitOptions, type KeyOf, PROBLEM, type Verdict } from './decide.ts'

export interface LimitFetchOptions<Rest extends readonly unknown[] = []>
  extends HttpLimitOptions<[request: Request, ...rest: Rest]> {
  /** What a request is counted by, since a `Request` does not say where it comes from; `undefined`: it is not counted. `addressKey` makes a key of an address. */
  readonly key: KeyOf<[request: Request, ...rest: Rest]>
}

/**
 * A handler of `Request` and whatever else its server hands it (Hono, Next, Deno) that counts each request before `handler` sees it. A refusal is a 429 with `Retry-After`
 * and problem details; a store that is down is a 503; every other fault is thrown. A lease is kept alive until the answer's body has been read or cancelled, or
 * the request's signal aborts; for a HEAD until the handler has answered. A body must be read or cancelled: one that is dropped holds its lease until the garbage
 * collector finds it, and for ever where there is an `onLeaseLost` and what was handed in besides the request refers to the answer.
 * @throws RateLimitError ERR_RATELIMIT_OPTIONS
 */
export function limitFetch<Rest extends readonly unknown[] = []>(
  options: LimitFetchOptions<Rest>,
  handler: (request: Request, ...rest: Rest) => Response | Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  const decide = createDecider<[request: Request, ...rest: Rest]>(options)
  return async (request, ...rest) => {
    const verdict = await decide(request, ...rest)
    if (verdict.refusal !== undefined) return refuse(verdict.fields, verdict.refusal)
    const { fields, lease } = verdict
    if (lease === undefined) return withFields(await handler(request, ...rest), fields)
    const end = endOnAbort(lease, request.signal)
    try {
      const response = withFields(await handler(request, ...rest), fields)
      if (request.method !== 'HEAD') return whileRead(response, end)
      // Whoever answers a HEAD drops the body unread.
      end()
      return response
    } catch (error) {
      end()
      throw error
    }
  }
}

const refuse = (fields: Verdict['fields'], { status, retryAfter, body }: NonNullable<Verdict['refusal']>): Response =>
  new Response(body, { status, headers: { ...fields, 'Retry-After': retryAfter, 'Content-Type': PROBLEM } })

/** The same response with more fields; a new one where its headers are read-only. */
function withFields(response: Response, fields: Verdict['fields']): Response {
  const entries = Object.entries(fields)
  try {
    for (const [name, value] of entries) response.headers.append(name, value)
    return response
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
  if (!canBeMade(response)) return response
  const headers = new Headers(response.headers)
  for (const [name, value] of entries) headers.append(name, value)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

/** A network error and a switch of protocols cannot be constructed. */
const canBeMade = ({ status }: Response): boolean => status >= 200

function endOnAbort(lease: HeldLease, signal: AbortSignal): () => void {
  const end = (): void => {
    signal.removeEventListener('abort', end)
    endLease(lease)
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end, { once: true })
  return end
}

/** The last resort for bodies that nobody reads or cancels, as of an answer that became a 304. */
const dropped = new FinalizationRegistry<() => void>((end) => end())

/** The same response; `end` is called when its body has been read to the end, failed or was cancelled, or at once where there is none to read. */
function whileRead(response: Response, end: () => void): Response {
  const { body } = response
  if (body === null || body.locked || !canBeMade(response)) {
    end()
    return response
  }
  const reader = body.getReader()
  const watched = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          end()
          controller.close()
        } catch (error) {
          end()
          controller.error(error)
        }
      },
      cancel(reason) {
        end()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  dropped.register(watched, end)
  const { status, statusText, headers } = response
  return new Response(watched, { status, statusText, headers })
}
