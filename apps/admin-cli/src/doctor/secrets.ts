import type { Config } from '@portcullis/config-crypto'
import { shellQuote } from '@portcullis-internal/files'
import { openSecrets, secretPlaces } from '../secrets.ts'
import { type Check, failedBy, type Finding, ok, statOf, warn } from './finding.ts'

const leftBehind = (paths: readonly string[]): Finding => {
  const id = 'fernet-copies'
  const copies = paths.map((path) => `${path}.fernet`).filter((path) => statOf(path) !== undefined)
  if (copies.length === 0) return ok(id, 'no copies of Fernet files')
  const named = copies.map((path) => JSON.stringify(path)).join(' and ')
  return warn(id, `secrets under an old key are still in ${named}`, `rm ${copies.map(shellQuote).join(' ')}`)
}

/** Keys whose grace is over and that still open the file; however old values are is no mistake of the installation. */
const overdue = (found: Config): readonly Finding[] => {
  const kids = found.stale({ days: 1_000_000 }).overdue.map(({ kid }) => kid)
  if (kids.length === 0) return []
  const message = `${kids.join(', ')} should open the secrets no more, and still does`
  return [warn('secret-keys', message, 'portcullis secrets rotate --finish')]
}

/** The sealed file, and what a migration left. */
export const secrets: Check = async (settings) => {
  try {
    const { file, sources } = secretPlaces(settings)
    const keyFiles = sources.flatMap(({ source }) => (source.startsWith('file:') ? [source.slice(5)] : []))
    const left = leftBehind([file, ...keyFiles])
    const found = await openSecrets(settings)
    if (!found) return [ok('secrets', 'no secrets yet'), left]
    if (found.legacy) {
      const message = `${JSON.stringify(file)} is a Fernet file, which can be tampered with`
      return [warn('secrets', message, 'portcullis secrets migrate'), left]
    }
    return [ok('secrets', `${found.names().length} values, untampered`), ...overdue(found), left]
  } catch (error) {
    return failedBy('secrets', error, 'restore it from a copy')
  }
}
