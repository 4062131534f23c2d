import { ACTION_KINDS, type Action } from './types.ts'
import { canonicalResourceUri, MAX_NAME_CHARS } from './uri.ts'

const MAX_SERVER_CHARS = 128

/** `[A-Za-z0-9_.-]`: what `*` runs over in a name. */
export function isNameChar(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x5f ||
    code === 0x2e ||
    code === 0x2d
  )
}

/** C0, DEL, C1, line separators and the bidirectional controls: a name that holds one is made to deceive. */
function isHostileChar(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x200e && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  )
}

/** True for 1 to 1,024 UTF-16 units without control characters and without lone surrogates. */
export function isSafeName(name: unknown): name is string {
  if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_CHARS) return false
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (isHostileChar(code)) return false
    if (code < 0xd800 || code > 0xdfff) continue
    const low = name.charCodeAt(i + 1)
    if (code > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return false
    i++
  }
  return true
}

/** `[a-z0-9-]+`, at most 128 characters. */
export function isServerId(server: unknown): server is string {
  if (typeof server !== 'string' || server.length === 0 || server.length > MAX_SERVER_CHARS) return false
  for (let i = 0; i < server.length; i++) {
    const code = server.charCodeAt(i)
    if (!((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d)) return false
  }
  return true
}

/** True for an action that can be decided at all; a resource must already carry its canonical URI. */
export function isDecidable(action: Action): boolean {
  if (!ACTION_KINDS.includes(action.kind) || !isServerId(action.server)) return false
  if (action.kind === 'resource') return canonicalResourceUri(action.name) === action.name
  return isSafeName(action.name)
}
