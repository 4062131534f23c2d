import { optionsError, refuseUnknown } from '../errors.ts'
import { copyJson } from '../format/copy-json.ts'
import { dayOf } from '../format/day.ts'
import { isReserved, type Tree } from '../format/leaf.ts'
import { descend, endsHere } from '../format/patterns.ts'
import { childPointer, formatPointer, isMember, parsePlace, type Path } from '../format/pointer.ts'
import { withNode, withoutNode } from '../format/tree.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'
import type { Draft, JsonValue } from '../types.ts'
import type { Place } from './place.ts'

export const checkPlaceOf = (place: unknown): Path => {
  const path = parsePlace(place)
  // Not quoted: in "NAME=VALUE" it holds the value.
  if (!path)
    throw optionsError('a name is 1 to 128 of A-Z a-z 0-9 _ . -, and anything else a JSON Pointer that begins with one')
  return path
}

interface Sealing {
  readonly file: SealedFile
  readonly today: string
}

/** A plain value as it is stored: what must be sealed in it is. */
const plainTree = (value: JsonValue, pointer: string, patterns: readonly Path[], sealing: Sealing): Tree => {
  if (endsHere(patterns)) return sealing.file.vault.seal(pointer, sealing.today, value)
  if (typeof value === 'string') {
    if (isReserved(value)) throw optionsError('a plain value may not begin with "enc:": store it sealed')
    return value
  }
  if (typeof value !== 'object' || value === null) return value
  const child = (name: string, member: JsonValue): Tree => {
    if (!isMember(name)) throw optionsError('a plain value has a member whose name is not allowed')
    return plainTree(member, childPointer(pointer, name), descend(patterns, name), sealing)
  }
  if (Array.isArray(value)) return value.map((item: JsonValue, index) => child(String(index), item))
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, child(name, member)]))
}

const storedValue = (path: Path, value: JsonValue, sealed: boolean, sealing: Sealing): Tree => {
  const { file, today } = sealing
  const pointer = formatPointer(path)
  if (sealed) return file.vault.seal(pointer, today, value)
  const patterns = path.reduce<readonly Path[]>(
    (left, segment) => descend(left, segment),
    file.header.secrets.map((pattern) => pattern.path),
  )
  if (endsHere(patterns)) throw optionsError(`${JSON.stringify(pointer)} may be stored sealed only`)
  return plainTree(value, pointer, patterns, sealing)
}

/** A draft of the next write; `end` closes it and says what became of the tree, `undefined` when nothing was changed. */
export const draftOf = (
  file: SealedFile,
  { clock }: Place,
): { readonly draft: Draft; readonly end: () => Tree | undefined } => {
  let open = true
  let root = file.content.root
  const sealing = { file, today: dayOf(clock) }
  const assertOpen = (): void => {
    if (!open) throw optionsError('a draft was used after its update')
  }
  const draft: Draft = {
    set: (place, value, options = {}) => {
      assertOpen()
      refuseUnknown('set', options, ['sealed'])
      const { sealed = true } = options
      if (typeof sealed !== 'boolean') throw optionsError('sealed must be true or false')
      const path = checkPlaceOf(place)
      const copy = copyJson(value, sealed ? 0 : path.length - 1)
      // Sealed for the path as it was named; where `-` or a removed item moved it, the next write seals it anew.
      root = withNode(root, path, storedValue(path, copy, sealed, sealing))
    },
    delete: (place) => {
      assertOpen()
      const left = withoutNode(root, checkPlaceOf(place))
      root = left ?? root
      return left !== undefined
    },
  }
  return {
    draft,
    end: () => {
      open = false
      return root === file.content.root ? undefined : root
    },
  }
}
