import type { Guard } from '@portcullis/guard'
import type { Session } from '../hub/session.ts'
import type { Incoming } from './types.ts'
import { startStream, toJson, writeEvent } from './events.ts'
import type { Replay } from './replay.ts'

const checkEveryMs = 1000
const pulseEvery = 15

/** The standalone stream of a session (GET). It ends within a second of its credential's end. */
export const openStream = ({ response, auth, headers }: Incoming, session: Session, guard: Guard): void => {
  // A client that reconnects may be faster than the end of its old connection: the newer stream is the one it reads.
  session.stream?.close()
  startStream(response, headers)
  response.flushHeaders()

  let ticks = 0
  const close = (): void => {
    clearInterval(timer)
    if (session.stream === stream) delete session.stream
    response.end()
  }
  const stream = {
    send(message: unknown) {
      const json = toJson(message)
      return json !== undefined && writeEvent(response, json)
    },
    renew: () => guard.renew(auth),
    close,
  }
  const timer = setInterval(async () => {
    const principal = await guard.renew(auth)
    if (principal?.id !== session.principalId) return close()
    if (++ticks % pulseEvery === 0) response.write(': still here\n\n')
  }, checkEveryMs).unref()
  session.stream = stream
  response.on('close', close)
}

/** A stream of an answer, taken up again on this connection. It ends within a second of its credential's end. */
export const resumeStream = (
  { response, auth, headers }: Incoming,
  session: Session,
  guard: Guard,
  { replay, after }: { readonly replay: Replay; readonly after: number },
): void => {
  startStream(response, headers)
  response.flushHeaders()
  let ticks = 0
  const timer = setInterval(async () => {
    const principal = await guard.renew(auth)
    if (principal?.id !== session.principalId) response.end()
    else if (++ticks % pulseEvery === 0 && !response.writableEnded) response.write(': still here\n\n')
  }, checkEveryMs).unref()
  response.once('close', () => clearInterval(timer))
  replay.attach(response, after)
}
