import { ConfigError } from '../errors.ts'
import type { Steps } from '../steps.ts'
import type { TextHolder, Wanted } from './holder.ts'

export const defaultCost = 17
const shortest = 8

/** A passphrase is one line; its line end is not part of it. */
export function* passphraseOf(from: TextHolder, wanted: Wanted): Steps<string | undefined> {
  const text = yield* from.read(wanted)
  return text?.replace(/\r?\n$/, '')
}

/** @throws ConfigError `ERR_CONFIG_KEY` for one that is too short to be the only thing between a file and its reader */
export const assertLongEnough = (passphrase: string, place: string): void => {
  if ([...passphrase].length >= shortest) return
  throw new ConfigError('ERR_CONFIG_KEY', `the passphrase of ${place} is shorter than ${shortest} characters`)
}
