import { SealedLeaf, type Tree } from '../format/leaf.ts'
import { type Path, parsePlace } from '../format/pointer.ts'
import { leavesOf, revealTree } from '../format/tree.ts'
import type { Config } from '../types.ts'
import type { Opened } from './place.ts'
import { createSecret } from './secret.ts'
import type { Session } from './session.ts'

/** Names in Fernet files may be any text. */
const pathOf = ({ kind }: Opened, place: string): Path | undefined =>
  parsePlace(place) ?? (kind === 'legacy' ? [place] : undefined)

const nodeAt = (state: Opened, place: string): Tree | undefined => {
  const path = pathOf(state, place)
  return path && state.content.nodeAt(path)
}

/** A schema may make what cannot be copied: a URL, a function. */
const copyOf = (value: unknown): unknown => {
  try {
    return structuredClone(value)
  } catch {
    return value
  }
}

/** What stands at a place of what a schema made. */
const outputAt = (state: Opened, place: string): unknown => {
  let value: unknown = state.output
  for (const segment of pathOf(state, place) ?? [null]) {
    if (segment === null || typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) {
      return undefined
    }
    value = (value as Record<string, unknown>)[segment]
  }
  return copyOf(value)
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (a.name < b.name ? -1 : 1)

type Reading = Pick<Config, 'get' | 'secret' | 'has' | 'names' | 'entries'>

/** What a configuration answers; see `Config`. */
export const readingOf = (session: Session): Reading => {
  const valueAt = (place: string): unknown => {
    const { state } = session
    if (session.place.schema) return outputAt(state, place)
    const node = nodeAt(state, place)
    return node === undefined ? undefined : revealTree(node)
  }
  const has = (place: string): boolean => nodeAt(session.state, place) !== undefined
  return {
    get: (place: string, fallback?: unknown) => {
      const value = valueAt(place)
      return value === undefined ? fallback : value
    },
    secret: (place: string) => {
      // What is there now, whatever becomes of the file.
      const { state } = session
      const node = nodeAt(state, place)
      if (node === undefined) return undefined
      return createSecret(() => {
        // Throws once it was disposed of.
        if (session.isDisposed) return session.state
        return session.place.schema ? outputAt(state, place) : revealTree(node)
      })
    },
    has,
    names: () => session.state.content.names().toSorted(byName),
    entries: () =>
      [...leavesOf(session.state.content.root)]
        .sort((a, b) => (a.pointer < b.pointer ? -1 : 1))
        .map(({ pointer, node }) =>
          node instanceof SealedLeaf
            ? { pointer, sealed: true, ...(node.setOn === '' ? {} : { setOn: node.setOn }) }
            : { pointer, sealed: false },
        ),
  }
}
