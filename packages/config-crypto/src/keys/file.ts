import { type Steps, step } from '../steps.ts'
import type { TextHolder } from './holder.ts'
import { placeOf, readKeyFile } from './key-file.ts'
import { createKeyFile } from './key-file-writer.ts'

export const fileText = (path: string): TextHolder => ({
  kind: 'text',
  place: placeOf(path),
  quiet: true,
  path,
  read: (): Steps<string | undefined> => step({ sync: () => readKeyFile(path), async: () => readKeyFile(path) }),
  create: () => createKeyFile(path),
})
