import { type Stats, statSync } from 'node:fs'
import { errnoOf } from '@portcullis-internal/files'
import type { Settings } from '../settings.ts'

/** What one check found; `fix` is what to do, empty when there is nothing. */
export interface Finding {
  readonly id: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  readonly fix: string
}

export type Check = (settings: Settings) => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>

export const ok = (id: string, message: string): Finding => ({ id, status: 'ok', message, fix: '' })
export const warn = (id: string, message: string, fix: string): Finding => ({ id, status: 'warn', message, fix })
export const fail = (id: string, message: string, fix: string): Finding => ({ id, status: 'fail', message, fix })

/** The command at the end of an error's message, which every unsafe file has. */
export const failedBy = (id: string, error: unknown, fix: string): Finding => {
  const message = error instanceof Error ? error.message : 'failed'
  const [what = message, command] = message.split('; to mend it: ')
  return fail(id, what, command ?? fix)
}

/** The stat of what is there; `undefined` when nothing is. */
export const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}
