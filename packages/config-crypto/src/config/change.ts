import { dayOf } from '../format/day.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { locked, writeConfigText } from '../files/config-writer.ts'
import { formatSealed, type Next, nextSealed } from '../sealed/next.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'
import { runAsync } from '../steps.ts'
import { raisePin } from './pin.ts'
import { openedOf, type Place } from './place.ts'
import { legacyError, type Session } from './session.ts'
import { writeOf } from './write-order.ts'

/** What is made of a file: its next write, or nothing. */
export type Change = (file: SealedFile) => Next | undefined | Promise<Next | undefined>

/**
 * The one way to change a file: takes the lock, reads it anew, writes what `make` makes of it.
 * @param behind runs under the same lock, once the file is as it is to be
 * @throws ConfigError `ERR_CONFIG_LEGACY`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_CONFLICT`, `ERR_CONFIG_WRITE`, and what reading and `make` throw
 */
export const change = async (session: Session, make: Change, behind?: () => Promise<void>): Promise<void> => {
  const { path } = session
  if (session.state.kind === 'legacy') throw legacyError(path)
  await locked(path, async () => {
    await session.reload()
    const fresh = session.state
    if (fresh.kind === 'legacy') throw legacyError(path)
    const next = await make(fresh.file)
    if (next) await write(session, fresh.file, fresh.text, next)
    await behind?.()
  })
}

const write = async (session: Session, before: SealedFile, textBefore: string, next: Next): Promise<void> => {
  const { path, place } = session
  const file = nextSealed(before, withoutOverdue(next, before, place))
  const text = formatSealed(file)
  // Before the write: what its schema refuses is not stored.
  const written = openedOf(place, file, text)
  writeConfigText(path, text, textBefore)
  session.replace(written)
  if (place.pinFile) await runAsync(raisePin(place.pinFile, path, writeOf(file)))
}

/** Grace keys whose day has come go with the next write, but never the one that this process itself came in by. */
const withoutOverdue = (next: Next, file: SealedFile, { clock }: Place): Next => {
  const today = dayOf(clock)
  const keys = next.header?.keys ?? file.header.keys
  const stays = ({ kid, retires }: KeyEntry): boolean => retires === undefined || retires > today || kid === file.kid
  return keys.every(stays) ? next : { ...next, header: { ...next.header, keys: keys.filter(stays) } }
}
