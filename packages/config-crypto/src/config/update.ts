import { ConfigError, optionsError } from '../errors.ts'
import type { Tree } from '../format/leaf.ts'
import type { Draft } from '../types.ts'
import { change } from './change.ts'
import { draftOf } from './draft.ts'
import type { Session } from './session.ts'

/** See `Config.update`. */
export const update = async (
  session: Session,
  edit: (draft: Draft) => unknown,
  ifRev: number | undefined,
): Promise<void> => {
  await change(session, (file) => {
    if (ifRev !== undefined && file.header.rev !== ifRev) {
      throw new ConfigError('ERR_CONFIG_CONFLICT', `it is at write ${file.header.rev} by now, not ${ifRev}`)
    }
    const { draft, end } = draftOf(file, session.place)
    let result: unknown
    let root: Tree | undefined
    try {
      result = edit(draft)
    } finally {
      root = end()
    }
    if (result instanceof Promise) {
      result.catch(() => {})
      throw optionsError('the change of an update must be synchronous')
    }
    return root === undefined ? undefined : { root }
  })
}
