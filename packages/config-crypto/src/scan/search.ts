import type { Form } from '../redact/forms.ts'
import type { Finder, Meaning } from '../redact/finder.ts'

/** A place where a secret stands as it is, or in a form that anybody can turn back. */
export interface Leak {
  /** As it was searched: below the folder, with `/`. */
  readonly file: string
  /** The line in which it begins; from 1. */
  readonly line: number
  /** Which secret: a JSON Pointer. */
  readonly pointer: string
  readonly form: Form
}

const newline = 0x0a

const newlinesIn = (bytes: Uint8Array, from: number, to: number): number => {
  let count = 0
  for (let at = bytes.indexOf(newline, from); at >= 0 && at < to; at = bytes.indexOf(newline, at + 1)) count++
  return count
}

/** Searches one file, in whatever pieces it comes. Each secret is told once a line. */
export const searchIn = ({ automaton, meanings }: Finder, file: string) => {
  const leaks = new Map<string, Leak>()
  let state = 0
  let line = 1
  const add = ({ pointer, form, bytes }: Meaning, endLine: number): void => {
    const leak = { file, line: endLine - newlinesIn(bytes, 0, bytes.length), pointer, form }
    const id = `${leak.line} ${pointer}`
    if (!leaks.has(id)) leaks.set(id, leak)
  }
  return {
    push: (chunk: Uint8Array): void => {
      let counted = 0
      state = automaton.scan(chunk, 0, state, (end, _, pattern) => {
        line += newlinesIn(chunk, counted, end)
        counted = end
        add(meanings[pattern] as Meaning, line)
      })
      line += newlinesIn(chunk, counted, chunk.length)
    },
    end: (): readonly Leak[] => [...leaks.values()],
  }
}
