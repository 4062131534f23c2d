import { ConfigError } from '../errors.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'

/** One write of one file. */
export interface Write {
  readonly id: string
  readonly rev: number
  readonly mac: Buffer
}

export const writeOf = ({ header, mac }: SealedFile): Write => ({ id: header.id, rev: header.rev, mac })

/** What is there now must be what was seen before, or come after it. @throws ConfigError `ERR_CONFIG_ROLLBACK`, `ERR_CONFIG_FORK` */
export const assertSameOrLater = (before: Write, after: Write): void => {
  if (before.id !== after.id) throw new ConfigError('ERR_CONFIG_ROLLBACK', 'another file took its place')
  if (after.rev < before.rev) {
    throw new ConfigError('ERR_CONFIG_ROLLBACK', `it went back from write ${before.rev} to ${after.rev}`)
  }
  if (after.rev === before.rev && !before.mac.equals(after.mac)) {
    throw new ConfigError('ERR_CONFIG_FORK', `there are two different writes ${before.rev} of it`)
  }
}
