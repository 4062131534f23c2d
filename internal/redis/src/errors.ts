export type RedisLinkErrorCode =
  | 'ERR_REDIS_CLOSED'
  | 'ERR_REDIS_OPTIONS'
  | 'ERR_REDIS_PLAINTEXT'
  | 'ERR_REDIS_REFUSED'
  | 'ERR_REDIS_REPLY'
  | 'ERR_REDIS_TIMEOUT'
  | 'ERR_REDIS_UNAVAILABLE'

type Fault = 'unavailable' | 'invalid' | 'internal'

const faultOf = (code: RedisLinkErrorCode): Fault =>
  code === 'ERR_REDIS_REPLY'
    ? 'internal'
    : code === 'ERR_REDIS_OPTIONS' || code === 'ERR_REDIS_PLAINTEXT'
      ? 'invalid'
      : 'unavailable'

/** When to try again: a server that comes back is seen within this. */
const RETRY_AFTER_MS = 1000

/**
 * What went wrong between this process and Redis. `unavailable`: whether the command was carried out is not known, and it is never sent again;
 * `internal`: Redis said that the command is wrong; `invalid`: the options are. No message holds a password.
 */
export class RedisLinkError extends Error {
  override readonly name = 'RedisLinkError'
  readonly code: RedisLinkErrorCode
  readonly fault: Fault
  readonly retryAfterMs?: number

  constructor(code: RedisLinkErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.fault = faultOf(code)
    if (this.fault === 'unavailable') this.retryAfterMs = RETRY_AFTER_MS
  }
}

/** Answers of a server that cannot serve at the moment; a script that is forgotten again at once is none of the script's. */
const passing = /^(BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|NOSCRIPT|OOM|READONLY|TRYAGAIN)$/
const refusing = /^(NOAUTH|WRONGPASS)$/

/** The first word of an error reply; in a script of a server before version 7 it stands behind the script's place. Empty for errors of the client. */
export const replyCode = (message: string): string => {
  const inside = message.includes('@user_script') ? /: -([A-Z]+) /.exec(message)?.[1] : undefined
  return inside ?? /^([A-Z]+) /.exec(message)?.[1] ?? ''
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Whether the server said it. */
export const isReply = (error: unknown): boolean => replyCode(messageOf(error)) !== ''

/** Server and client texts may repeat arguments; those are cut off. */
const quoted = (message: string): string =>
  JSON.stringify((message.split(/, with args|, sub: /, 1)[0] as string).slice(0, 300))

/** Turns an error of the client library into ours. Its own is not kept as the cause: it holds the command with all arguments. */
export const translate = (error: unknown): RedisLinkError => {
  if (error instanceof RedisLinkError) return error
  const message = messageOf(error)
  const code = replyCode(message)
  if (refusing.test(code)) return new RedisLinkError('ERR_REDIS_REFUSED', `Redis refuses the credentials: ${code}`)
  if (code && !passing.test(code)) return new RedisLinkError('ERR_REDIS_REPLY', `Redis answered ${quoted(message)}`)
  return new RedisLinkError('ERR_REDIS_UNAVAILABLE', `Redis is not available: ${quoted(message)}`)
}

export const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith('NOSCRIPT')
