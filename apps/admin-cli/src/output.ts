import { writeSync } from 'node:fs'
import { CliError, exitCodes } from './failure.ts'

const stdout = 1
const stderr = 2

/** The reader of standard output went away: nothing is left to say, and no one to say it to. */
export class ReaderGone extends Error {}

const writeAll = (fd: number, text: string): void => {
  const bytes = Buffer.from(text)
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      // A pipe that another process made non-blocking is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    }
  }
}

/** Data. Written at once and completely, or the command fails: a key that nobody saw must not look delivered. */
export const printData = (text: string): void => {
  try {
    writeAll(stdout, text)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error'
    if (code === 'EPIPE') throw new ReaderGone()
    throw new CliError('ERR_CLI_OUTPUT', exitCodes.unexpected, `standard output cannot be written: ${code}`, { cause })
  }
}

export const printJson = (value: unknown): void => printData(`${JSON.stringify(value, null, 2)}\n`)

/** Words for people, on standard error. */
export const printWords = (text: string): void => {
  try {
    writeAll(stderr, `${text}\n`)
  } catch {
    // Nobody listens.
  }
}

const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
// Wider than the shape of a key, so that a mistyped one is not shown either.
const keyShaped = /[a-z0-9_]{2,40}_[0-9A-Za-z]{40,}/g

const escapeUnprintable = (text: string): string =>
  text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** One line that is safe to show: nothing that moves the cursor or reorders text, no key, no end. */
export const safeLine = (text: string): string =>
  escapeUnprintable(text.replace(keyShaped, '<a key, not shown>').slice(0, 2000))

/** Columns of equal width, two blanks between them, the last one as it is. */
export const formatTable = (rows: readonly (readonly string[])[]): string => {
  const cells = rows.map((row) => row.map(escapeUnprintable))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
