import { secretsBy } from '@portcullis-internal/configuration'
import { keys, openConfigSync } from '@portcullis/config-crypto'
import { resolve } from 'node:path'

/** What `secret://NAME` in the configuration reads. */
export const openSecrets = secretsBy((file, sources, dir) =>
  openConfigSync(resolve(dir, file), { keys: sources.map((source) => keys.parse(source, { dir })) }),
)
