import { optionsError, refuseUnknown } from '../errors.ts'
import { copyJson } from '../format/copy-json.ts'
import type { Config } from '../types.ts'
import { readingOf } from './reading.ts'
import { keyTable, staleReport } from './report.ts'
import { addKey, finishRotation, removeKey, rotateDataKey, rotateKey } from './rotate.ts'
import type { Session } from './session.ts'
import { update } from './update.ts'
import { watchConfig } from './watch.ts'

/** The object that callers hold. */
export const configOf = (session: Session): Config => {
  const config: Config = {
    ...readingOf(session),
    get rev() {
      const { state } = session
      return state.kind === 'sealed' ? state.file.header.rev : 0
    },
    get legacy() {
      return session.state.kind === 'legacy'
    },
    set: async (place, value, options) => {
      // Now and not when the lock is there: the caller may go on changing it.
      const taken = copyJson(value)
      await update(session, (draft) => draft.set(place, taken, options), undefined)
    },
    delete: async (place) => {
      let there = false
      await update(
        session,
        (draft) => {
          there = draft.delete(place)
        },
        undefined,
      )
      return there
    },
    update: async (change, options = {}) => {
      if (typeof change !== 'function') throw optionsError('update takes a function')
      refuseUnknown('update', options, ['ifRev'])
      await update(session, change, options.ifRev)
    },
    reload: () => session.reload(),
    reloadSync: () => session.reloadSync(),
    watch: (options) => watchConfig(session, options),
    keyTable: () => keyTable(session.file),
    stale: (options) => staleReport(session.file, session.place.clock, options),
    rotateKey: (options) => rotateKey(session, options),
    addKey: (source) => addKey(session, source),
    removeKey: (kid) => removeKey(session, kid),
    rotateDataKey: (options) => rotateDataKey(session, options),
    finishRotation: () => finishRotation(session),
    dispose: () => session.dispose(),
    [Symbol.dispose]: () => session.dispose(),
  }
  return config
}
