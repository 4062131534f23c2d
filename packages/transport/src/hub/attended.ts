import type { RequestId } from '@portcullis/guard'
import type { Reply } from '../types.ts'
import type { Session } from './session.ts'

/** Runs what may wait for a server that is not there yet, and stops waiting when the client is gone: it takes no place any more. */
export const attended = async <T>(
  session: Session,
  id: RequestId,
  reply: Reply,
  work: (reply: Reply) => Promise<T>,
): Promise<T | undefined> => {
  let gone = false
  const waiting = new Promise<undefined>((resolve) => {
    const leave = (): void => {
      gone = true
      resolve(undefined)
    }
    session.calls.set(id, { cancel: leave, abandon: leave })
  })
  const entry = session.calls.get(id)
  try {
    return await Promise.race([work({ ...reply, gone: () => gone }), waiting])
  } finally {
    if (session.calls.get(id) === entry) session.calls.delete(id)
  }
}
