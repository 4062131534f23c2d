import { readTextFile, shellQuote, withLock, writeFileAtomicSync } from '@portcullis-internal/files'
import { createApiKeys, memoryStore } from '@portcullis/auth-apikey'
import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { KeyRing } from './credentials.ts'

const firstKeyFile = 'first-key.header'

/**
 * Makes the first key of a new installation. The header file is written before the key is stored: a crash between the two
 * leaves a file with a key that is not good, and the next start makes another. Nothing is made when another process was faster.
 */
export const createFirstKey = (keys: KeyRing, dir: string, prefix: string): Promise<string | undefined> =>
  // Two first starts at once would otherwise leave the header of one and the key of the other.
  withLock(join(dir, firstKeyFile), async () => {
    if (existsSync(join(dir, 'api_keys.json'))) return undefined
    const made = createApiKeys({ store: memoryStore(), prefix })
    const { key, record } = await made.create({ name: 'first', grants: ['*'], expiresAtMs: null })
    writeFileAtomicSync(join(dir, firstKeyFile), `X-API-Key: ${key}\n`, { mode: 0o600 })
    return (await keys.insert(record)) ? key : undefined
  })

/** Whether the first key is still there and still good: only then is a command that uses it worth printing. */
export const firstKeyWorks = async (keys: KeyRing, dir: string): Promise<boolean> => {
  try {
    const text = readTextFile(join(dir, firstKeyFile), { secret: true, maxBytes: 4096 })
    const key = /^X-API-Key: (\S+)\s*$/.exec(text)?.[1]
    return key !== undefined && (await keys.verify(key, { transport: 'http' })).ok
  } catch {
    return false
  }
}

/** A command that works as it stands, in a shell whose working directory is `cwd`. */
export const tryCommand = (url: string, dir: string, cwd: string): string => {
  const path = relative(cwd, join(dir, firstKeyFile))
  const file = path.startsWith('..') ? join(dir, firstKeyFile) : path
  const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hello_world","arguments":{}}}'
  return `curl -H ${shellQuote(`@${file}`)} -H 'Content-Type: application/json' -d '${call}' ${url}`
}
