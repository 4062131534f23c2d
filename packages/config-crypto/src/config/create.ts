import { randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { reasonOf } from '@portcullis-internal/files'
import { Vault } from '../crypto/vault.ts'
import { newDataKey } from '../crypto/wrap.ts'
import { ConfigError, optionsError, refuseUnknown } from '../errors.ts'
import { dayOf } from '../format/day.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { type Pattern, parsePattern } from '../format/patterns.ts'
import { isName } from '../format/pointer.ts'
import { locked, writeConfigText } from '../files/config-writer.ts'
import { type Enrollment, enroll } from '../keys/enroll.ts'
import { checkSources, quoted } from '../keys/holder.ts'
import { firstSealed, formatSealed } from '../sealed/next.ts'
import type { Config, CreateOptions, KeySource } from '../types.ts'
import { configOf } from './config.ts'
import { pinFileOf, replacePin } from './pin.ts'
import { checkClock, checkPath, openedOf, type Place } from './place.ts'
import { Session } from './session.ts'
import { writeOf } from './write-order.ts'

const makeFolder = (path: string): void => {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (cause) {
    const message = `the folder of configuration file ${JSON.stringify(path)} cannot be made: ${reasonOf(cause)}`
    throw new ConfigError('ERR_CONFIG_WRITE', message, { cause })
  }
}

const checkPatterns = (secrets: unknown): readonly Pattern[] => {
  if (secrets === undefined) return []
  if (!Array.isArray(secrets) || secrets.length > 256) throw optionsError('secrets must be a list of at most 256')
  const texts = secrets.map((text: unknown) => (isName(text) ? `/${text}` : text))
  const patterns = [...new Set(texts)].map(parsePattern)
  if (!patterns.every((pattern) => pattern !== undefined)) {
    throw optionsError('secrets are names, or JSON Pointers that may hold "*" for a segment')
  }
  return patterns.sort((a, b) => (a.text < b.text ? -1 : 1))
}

const enrollAll = async (sources: readonly KeySource[], enrollment: Enrollment): Promise<readonly KeyEntry[]> => {
  const entries = new Map<string, KeyEntry>()
  for (const source of sources) {
    const entry = await enroll(source, enrollment)
    if (entries.has(entry.kid)) throw optionsError(`${quoted(source)} is a key that was named before`)
    entries.set(entry.kid, entry)
  }
  return [...entries.values()]
}

/**
 * Makes a new, empty configuration file, mode 0600, that each of `keys` opens. The key file of a `file:` source is made where it is absent, and read again before the
 * configuration file is written.
 * @throws ConfigError `ERR_CONFIG_EXISTS`, `ERR_CONFIG_KEY`, `ERR_CONFIG_KEY_SOURCE`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_NO_KEY`, `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_WRITE`
 */
export const createConfig = async (path: string, options: CreateOptions): Promise<Config> => {
  refuseUnknown('createConfig', options, ['keys', 'secrets', 'pin', 'clock'])
  const sources = checkSources(options.keys)
  const secrets = checkPatterns(options.secrets)
  const absolute = checkPath(path)
  const clock = checkClock(options.clock)
  const pinFile = pinFileOf(absolute, options.pin)
  const place: Place = { path: absolute, sources, minRev: 0, pinFile, schema: undefined, clock }
  makeFolder(absolute)
  return locked(absolute, async () => {
    if (lstatSync(absolute, { throwIfNoEntry: false })) {
      throw new ConfigError('ERR_CONFIG_EXISTS', `${JSON.stringify(absolute)} is there already`)
    }
    const today = dayOf(clock)
    const vault = new Vault(newDataKey(randomBytes), randomBytes(16))
    const { id, dataKey } = vault
    const keys = await enrollAll(sources, { path: absolute, id, dataKey, created: today, random: randomBytes })
    const file = firstSealed({ dataKeyFrom: today, secrets, keys }, vault, keys[0]?.kid ?? '')
    const text = formatSealed(file)
    writeConfigText(absolute, text, undefined)
    // A file that is new takes the place of whatever stood there before.
    if (pinFile) replacePin(pinFile, absolute, writeOf(file))
    return configOf(new Session(place, openedOf(place, file, text)))
  })
}
