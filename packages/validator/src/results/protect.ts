import type { Collector } from '../findings/collector.ts'
import type { Settings } from '../options.ts'
import type { ResultToCheck } from '../types.ts'
import { neutralise } from './neutralise.ts'
import { findSecrets } from './secrets.ts'
import { scanUnicode } from '../scan/unicode.ts'

type Path = (string | number)[]

/**
 * Looks through every string and key of a result, wherever it is: content, structured content, resources, errors, `_meta`. Answers the result itself, or a copy in which
 * secrets are markers and hidden text is gone. Nothing is changed in place; what was a string stays one.
 * The result must have passed `measureResult`: this recurses as deep as it is nested.
 */
export function protectResult(
  { server, tool, result }: ResultToCheck,
  settings: Settings,
  out: Collector,
  replace: boolean,
): unknown {
  const name = `${server}/${tool ?? ''}`
  const { secrets, returnsSecrets, neutraliseUnicode, markers } = settings.results
  const looksForSecrets = secrets !== 'off' && !returnsSecrets.has(name)
  const place = { tool: name, declared: false }
  const path: Path = []
  // One object may stand in many places; it is looked through once for each, within what was measured.
  const text = (value: string): string => {
    let current = value
    if (neutraliseUnicode && !isPlain(value)) {
      let seen = false
      scanUnicode(value, (ruleId, at) => {
        if (!seen) out.add({ ruleId, kind: 'result', path, text: value, at, place })
        seen = true
      })
      if (seen && replace) current = neutralise(value)
    }
    return looksForSecrets ? redact(current) : current
  }
  const redact = (value: string): string => {
    if (value.length < 16) return value
    const found = findSecrets(value)
    if (found.length === 0) return value
    let changed = ''
    let from = 0
    for (const { at, end, label, certain } of found) {
      const ruleId = certain ? 'result.secret' : 'result.secret_like'
      const redacts = secrets === 'redact' && settings.modes.resolve(ruleId, place) === 'enforce'
      // The excerpt must not be the leak: only the kind of the secret is said.
      out.add({ ruleId, kind: 'result', path, detail: label, enforced: redacts, place })
      if (!redacts || !replace) continue
      changed += value.slice(from, at) + markers.make(label)
      from = end
    }
    return from === 0 ? value : changed + value.slice(from)
  }
  const visit = (node: unknown): unknown => {
    if (typeof node === 'string') return text(node)
    if (typeof node !== 'object' || node === null) return node
    if (Array.isArray(node)) {
      let copy: unknown[] | undefined
      for (let i = 0; i < node.length; i++) {
        path.push(i)
        const next = visit(node[i])
        path.pop()
        if (next !== node[i]) (copy ??= [...(node as unknown[])])[i] = next
      }
      return copy ?? node
    }
    return object(node as Record<string, unknown>)
  }
  const object = (node: Record<string, unknown>): unknown => {
    const typed = typeof node['mimeType'] === 'string'
    let changed = false
    const entries: [string, unknown][] = []
    const keys = new Set<string>()
    // The last number that a name was given: keys that all become one name must not each count from the first.
    const suffixes = new Map<string, number>()
    for (const key of Object.keys(node)) {
      const value = node[key]
      path.push(key)
      const name = unused(text(key), keys, suffixes)
      // Pictures, sound and files in base64 are no text.
      const next = typed && (key === 'data' || key === 'blob') && isBase64(value) ? value : visit(value)
      path.pop()
      changed ||= next !== value || name !== key
      entries.push([name, next])
    }
    // `fromEntries` defines properties: a key `__proto__` stays a key.
    return changed ? Object.fromEntries(entries) : node
  }
  return visit(result)
}

/** A name that no key of the object has yet: the first as it is, the next with `_`, others with `_` and a number. */
function unused(wanted: string, keys: Set<string>, suffixes: Map<string, number>): string {
  let name = wanted
  let suffix = suffixes.get(wanted) ?? 0
  while (keys.has(name)) name = `${wanted}_${++suffix === 1 ? '' : suffix}`
  suffixes.set(wanted, suffix)
  keys.add(name)
  return name
}

/** Nothing that a secret is written with but base64 alone. */
function isBase64(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9+/\r\n]*={0,2}$/.test(value)
}

function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0xad) return false
  return true
}
