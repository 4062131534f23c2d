import { decryptToken, type FernetKey, verifyToken } from '../crypto/fernet.ts'
import { ConfigError } from '../errors.ts'
import { parseFile } from '../format/document.ts'
import { isObject } from '../format/json.ts'
import { type Opener, SealedLeaf, type Tree } from '../format/leaf.ts'
import { childPointer } from '../format/pointer.ts'

const prefix = 'encrypted_'

const unreadable = (): ConfigError =>
  new ConfigError('ERR_CONFIG_INTEGRITY', 'a token of it was changed, or is of another key')

const openerOf = (key: FernetKey): Opener => ({
  open: ({ payload }) => {
    const signed = verifyToken(key, payload)
    const text = signed && decryptToken(key, signed)
    if (text === undefined) throw unreadable()
    return text
  },
})

/**
 * A Fernet file: members `encrypted_NAME` are tokens, all others plain values. Every token is authenticated, none decrypted. A token takes the place of a plain
 * value that stands before it, as in the program that wrote such files; the other order is refused. Nothing binds a token to its name, and plain values to anything.
 */
export const openLegacy = (text: string, key: FernetKey): { readonly [name: string]: Tree } => {
  const file = parseFile(text)
  if (isObject(file['sealed']) && isObject(file['config'])) {
    throw new ConfigError('ERR_CONFIG_NO_KEY', 'a Fernet key does not open it: it is a sealed configuration')
  }
  const opener = openerOf(key)
  const root: Record<string, Tree> = {}
  for (const [member, value] of Object.entries(file)) {
    const token = member.startsWith(prefix)
    const name = token ? member.slice(prefix.length) : member
    if (!token && Object.hasOwn(root, name)) {
      throw new ConfigError('ERR_CONFIG_MALFORMED', 'a plain value stands behind an encrypted one of the same name')
    }
    if (name === '__proto__') throw new ConfigError('ERR_CONFIG_MALFORMED', 'a member has a name that is not allowed')
    if (token && (typeof value !== 'string' || !verifyToken(key, value))) throw unreadable()
    root[name] = token ? new SealedLeaf(opener, childPointer('', name), '', String(value)) : value
  }
  return root
}
