import { fstatSync, statSync } from 'node:fs'
import { devNull } from 'node:os'
import type { ApiKeyRecord, IssuedKey } from '@portcullis/auth-apikey'
import { CliError, exitCodes } from './failure.ts'
import { describeGrants, describeTime, publicRecord } from './keys.ts'
import { printData, printJson, printWords, safeLine } from './output.ts'
import type { Settings } from './settings.ts'

/** Whether what is printed goes nowhere: Node puts the null device in the place of a standard output that is closed, and writing to it succeeds. */
const isDiscarded = (): boolean => {
  // As bigint: after a plain fstat of a pipe Node 20 believes that paths it has resolved before end at a pipe, and finds packages in the wrong place.
  const output = fstatSync(1, { bigint: true })
  return output.isCharacterDevice() && output.rdev === statSync(devNull, { bigint: true }).rdev
}

/**
 * Refuses to replace a key by one that nobody would see.
 * @throws CliError `ERR_CLI_OUTPUT`
 */
export const requireReader = (): void => {
  if (!isDiscarded()) return
  const message = 'standard output is closed or discarded: nobody would see the key, and none was made'
  throw new CliError('ERR_CLI_OUTPUT', exitCodes.unexpected, message)
}

/** Says that a new key is of no use to anybody; it does no harm either. */
export const warnOfNoReader = ({ name }: ApiKeyRecord): void => {
  if (!isDiscarded()) return
  printWords(
    `portcullis: standard output is closed or discarded: nobody has seen key ${safeLine(JSON.stringify(name))}`,
  )
}

/**
 * Shows a new key, alone on standard output or as JSON with `more`. When that fails, `withdraw` sees to it that a key which nobody has seen is not good, and
 * the failure goes on.
 */
export const showNewKey = async (
  { json }: Settings,
  { key, record }: IssuedKey,
  withdraw: () => Promise<unknown>,
  more: object = {},
): Promise<void> => {
  try {
    if (json) printJson({ key, ...publicRecord(record, Date.now()), ...more })
    else printData(`${key}\n`)
  } catch (error) {
    await withdraw()
    throw error
  }
}

/** Said even when nothing else is: a key without rights is rarely what was meant. */
export const warnOfNoRights = ({ name, grants }: ApiKeyRecord): void => {
  if (grants.length > 0) return
  printWords(`portcullis: key ${safeLine(JSON.stringify(name))} has no rights: nothing was allowed with --allow`)
}

/** What a key may do and until when, for the end of a sentence. */
export const describeNewKey = ({ grants, notBeforeMs, expiresAtMs }: ApiKeyRecord): string => {
  const begins = notBeforeMs === undefined ? '' : ` not before: ${describeTime(notBeforeMs)};`
  return `allowed: ${describeGrants(grants)};${begins} expires: ${describeTime(expiresAtMs)}`
}

export const shownOnce = 'It is shown this once and kept as a hash only.'
