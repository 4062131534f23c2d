import type { Guard } from '@portcullis/guard'
import type { Session } from '../hub/session.ts'
import type { Incoming } from './types.ts'
import { startStream, writeEvent } from './outlet.ts'

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
    send: (message: unknown) => writeEvent(response, message),
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
