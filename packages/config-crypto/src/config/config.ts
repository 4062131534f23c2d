import { optionsError, refuseUnknown } from '../errors.ts'
import { copyJson } from '../format/copy-json.ts'
import { SealedLeaf, type Tree } from '../format/leaf.ts'
import { type Path, parsePlace } from '../format/pointer.ts'
import { childrenOf, hasLeaf, leavesOf, nodeAt, revealTree } from '../format/tree.ts'
import type { Config } from '../types.ts'
import { keyTable, staleReport } from './report.ts'
import { addKey, finishRotation, removeKey, rotateDataKey, rotateKey } from './rotate.ts'
import { createSecret } from './secret.ts'
import type { Session } from './session.ts'
import { update } from './update.ts'
import { watchConfig } from './watch.ts'

/** Names of Fernet files may be any text. */
const pathOf = (place: string, root: Tree): Path | undefined => {
  const path = parsePlace(place)
  if (path) return path
  return typeof root === 'object' && root !== null && Object.hasOwn(root, place) ? [place] : undefined
}

const plainValueAt = (output: unknown, path: Path): unknown => {
  let value: unknown = output
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined
    value = (value as Record<string, unknown>)[segment]
  }
  return value
}

/** The object that callers hold. */
export const configOf = (session: Session): Config => {
  const valueAt = (place: string): { readonly value: unknown } | undefined => {
    const { root, output } = session.state
    const path = pathOf(place, root)
    if (!path) return undefined
    if (session.place.schema) {
      const value = plainValueAt(output, path)
      return value === undefined ? undefined : { value: structuredClone(value) }
    }
    const node = nodeAt(root, path)
    return node === undefined ? undefined : { value: revealTree(node) }
  }
  const has = (place: string): boolean => {
    const { root } = session.state
    const path = pathOf(place, root)
    return path !== undefined && nodeAt(root, path) !== undefined
  }

  const config: Config = {
    get rev() {
      const { state } = session
      return state.kind === 'sealed' ? state.file.header.rev : 0
    },
    get legacy() {
      return session.state.kind === 'legacy'
    },
    get: (place: string, fallback?: unknown) => {
      const found = valueAt(place)
      return found ? found.value : fallback
    },
    secret: (place: string) => {
      if (!has(place)) return undefined
      // What is there now, whatever becomes of the file.
      const { root } = session.state
      const node = nodeAt(root, pathOf(place, root) ?? []) as Tree
      return createSecret(() => {
        if (session.isDisposed) return session.state
        return session.place.schema ? valueAt(place)?.value : revealTree(node)
      })
    },
    has,
    names: () =>
      childrenOf(session.state.root)
        .map(([name, node]) => ({ name, sealed: hasLeaf(node) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    entries: () =>
      [...leavesOf(session.state.root)]
        .sort((a, b) => (a.pointer < b.pointer ? -1 : 1))
        .map(({ pointer, node }) =>
          node instanceof SealedLeaf
            ? { pointer, sealed: true, ...(node.setOn === '' ? {} : { setOn: node.setOn }) }
            : { pointer, sealed: false },
        ),
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
