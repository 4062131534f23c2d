import { type Collector, exceedsBytes } from '../findings/collector.ts'
import { scanNumber, scanString, scanWord, type StringToken } from './tokens.ts'
import type { Settings } from '../options.ts'
import type { RuleId } from '../findings/rules.ts'

const STATE = { value: 0, valueOrEnd: 1, key: 2, keyOrEnd: 3, colon: 4, after: 5 } as const
type State = (typeof STATE)[keyof typeof STATE]

/**
 * Reads JSON text once, without parsing it into values, and reports what a parser would swallow in silence. Accepts what JSON.parse accepts
 * (RFC 8259); ends at the first syntax error, and where nesting, values, keys or findings exceed their bounds, so that memory is bounded too.
 */
export function scanJson(raw: string, settings: Settings, out: Collector): void {
  if (exceedsBytes(raw, settings.maxBodyBytes)) {
    out.add({ ruleId: 'json.size', kind: 'json', detail: `limit ${settings.maxBodyBytes} bytes` })
    return
  }
  // One entry for each open container: its keys so far (undefined for an array), and the key or index being read.
  const keysOf: (KeySet | undefined)[] = []
  const path: (string | number)[] = []
  let state: State = STATE.value as State
  const token: StringToken = { end: 0, escaped: false, loneAt: -1 }
  let full = false
  let keys = 0
  let nodes = 0
  let i = 0

  const report = (ruleId: RuleId, at: number, detail?: string): void => {
    out.add({
      ruleId,
      kind: 'json',
      path,
      text: raw,
      at,
      offset: at,
      ...(detail === undefined ? {} : { detail }),
    })
    full = out.full
  }
  const syntax = (at: number): void =>
    report('json.syntax', Math.min(at, raw.length), at >= raw.length ? 'it ends too early' : `at ${at}`)

  /** One more value or key. False where reading ends. */
  const count = (): boolean => {
    if (++nodes <= settings.maxNodes) return true
    report('json.nodes', i, `limit ${settings.maxNodes}`)
    return false
  }

  const open = (isObject: boolean): boolean => {
    if (keysOf.length >= settings.maxDepth) {
      report('json.depth', i, `limit ${settings.maxDepth}`)
      return false
    }
    keysOf.push(isObject ? createKeySet() : undefined)
    path.push(isObject ? '' : 0)
    state = isObject ? STATE.keyOrEnd : STATE.valueOrEnd
    return true
  }
  const close = (): void => {
    keysOf.pop()
    path.pop()
    state = STATE.after
  }

  /** A string as value or key. Answers where it ends, or -1. */
  const string = (isKey: boolean): number => {
    scanString(raw, i, token)
    const { end, escaped, loneAt } = token
    if (end < 0) {
      syntax(-end)
      return -1
    }
    if (isKey && !enterKey(escaped ? (JSON.parse(raw.slice(i, end)) as string) : raw.slice(i + 1, end - 1))) return -1
    if (loneAt >= 0) report('json.lone_surrogate', loneAt)
    if (
      settings.maxStringBytes < settings.maxBodyBytes &&
      exceedsBytes(raw.slice(i + 1, end - 1), settings.maxStringBytes)
    ) {
      report('json.string_size', i, `limit ${settings.maxStringBytes} bytes`)
    }
    return end
  }
  const enterKey = (key: string): boolean => {
    const depth = keysOf.length - 1
    const known = keysOf[depth] as KeySet
    path[depth] = key
    if (settings.preset !== 'off' && exceedsBytes(key, settings.maxKeyBytes))
      report('json.key_size', i, `limit ${settings.maxKeyBytes} bytes`)
    if (!count()) return false
    if (++keys > settings.maxKeys) {
      report('json.keys', i, `limit ${settings.maxKeys}`)
      return settings.preset === 'off'
    }
    if (!addKey(known, key)) report('json.duplicate_key', i)
    if (key === '__proto__' || (key === 'prototype' && path[depth - 1] === 'constructor'))
      report('json.prototype_key', i)
    return true
  }

  /** A value at `i`. Answers where to go on, or -1 where reading ends. */
  const value = (code: number): number => {
    if (state === STATE.valueOrEnd && code === 0x5d) {
      close()
      return i + 1
    }
    if (!count()) return -1
    if (code === 0x7b || code === 0x5b) return open(code === 0x7b) ? i + 1 : -1
    state = STATE.after
    if (code === 0x22) return string(false)
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = scanNumber(raw, i, (at, detail) => report('json.number', at, detail))
      if (end < 0) syntax(-end)
      return Math.max(end, -1)
    }
    const end = scanWord(raw, i)
    if (end < 0) syntax(i)
    return end
  }

  while (!full) {
    while (isSpace(raw.charCodeAt(i))) i++
    const code = raw.charCodeAt(i)
    const now = state as State
    let next = i + 1
    if (Number.isNaN(code)) {
      if (now !== STATE.after || keysOf.length > 0) syntax(i)
      return
    }
    if (now === STATE.value || now === STATE.valueOrEnd) {
      next = value(code)
    } else if (now === STATE.colon && code === 0x3a) {
      state = STATE.value
    } else if (now === STATE.key || now === STATE.keyOrEnd) {
      if (code === 0x22) {
        next = string(true)
        state = STATE.colon
      } else if (code === 0x7d && now === STATE.keyOrEnd) close()
      else next = -2
    } else if (now === STATE.after && keysOf.length > 0) {
      const isObject = keysOf[keysOf.length - 1] !== undefined
      if (code === (isObject ? 0x7d : 0x5d)) close()
      else if (code !== 0x2c) next = -2
      else if (isObject) state = STATE.key
      else {
        const index = (path.at(-1) as number) + 1
        path[path.length - 1] = index
        state = STATE.value
        if (index >= settings.maxArrayLength) {
          report('json.array_length', i, `limit ${settings.maxArrayLength}`)
          if (settings.preset !== 'off') return
        }
      }
    } else {
      next = -2
    }
    if (next === -2) syntax(i)
    if (next < 0) return
    i = next
  }
}

/** Keys of one object: a list while they are few, which most objects' are, then a set. */
interface KeySet {
  readonly few: string[]
  many: Set<string> | undefined
}

const FEW = 12
const createKeySet = (): KeySet => ({ few: [], many: undefined })

/** False if it was there already. */
function addKey(keys: KeySet, key: string): boolean {
  const { few } = keys
  if (keys.many === undefined) {
    for (let i = 0; i < few.length; i++) if (few[i] === key) return false
    few.push(key)
    if (few.length > FEW) keys.many = new Set(few)
    return true
  }
  if (keys.many.has(key)) return false
  keys.many.add(key)
  return true
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}
