import { type Collector, exceedsBytes } from './collector.ts'
import type { Settings } from './options.ts'
import { findPatterns } from './patterns.ts'
import type { ValueKind } from './types.ts'

/** What is done with a pattern in a string of a kind: enforced, recorded, or not looked for. */
export type PatternMode = 'enforce' | 'record' | 'skip'

export interface Walk {
  readonly kind: string
  readonly patterns: (kind: ValueKind) => PatternMode
}

/**
 * Visits every string and key of a value, each by itself, within the bounds of depth, keys, strings and nodes. Recursion is as deep as `maxDepth`, and
 * a value that refers to itself ends there.
 */
export function walkValue(
  value: unknown,
  schema: unknown,
  valueKind: ValueKind,
  walk: Walk,
  settings: Settings,
  out: Collector,
): void {
  const path: (string | number)[] = []
  // Every value takes two bytes of text at least, itself and what parts it from the next.
  const maxNodes = Math.min(settings.maxNodes, Math.max(16, Math.floor(settings.maxBodyBytes / 2)))
  let nodes = 0
  let keys = 0
  let stopped = false

  const stop = (ruleId: 'json.nodes' | 'json.depth' | 'json.keys', detail: string): void => {
    out.add({ ruleId, kind: walk.kind, path, detail })
    stopped = true
  }

  const visitString = (text: string, kind: ValueKind, isKey: boolean): void => {
    const shape = { kind: walk.kind, path, text }
    const lone = loneSurrogate(text)
    if (lone >= 0) out.add({ ruleId: 'json.lone_surrogate', ...shape, at: lone, offset: lone })
    if (exceedsBytes(text, settings.maxStringBytes)) {
      out.add({ ruleId: 'json.string_size', ...shape, detail: `limit ${settings.maxStringBytes} bytes` })
    }
    const mode = walk.patterns(kind)
    if (mode === 'skip' || (mode === 'record' && out.recordFull)) return
    for (const { ruleId, text: form, at, decoded } of findPatterns(text)) {
      const detail = [isKey ? 'in a key' : '', decoded === undefined ? '' : `after ${decoded}`]
        .filter((part) => part !== '')
        .join(', ')
      out.add({
        ruleId,
        kind,
        path,
        text: form,
        at,
        enforced: mode === 'enforce',
        ...(decoded === undefined ? { offset: at } : {}),
        ...(detail === '' ? {} : { detail }),
      })
    }
  }

  const visit = (node: unknown, nodeSchema: unknown, kind: ValueKind): void => {
    if (++nodes > maxNodes) return stop('json.nodes', `limit ${maxNodes}`)
    if (typeof node === 'string') return visitString(node, kind, false)
    if (typeof node === 'number') {
      if (!Number.isFinite(node)) out.add({ ruleId: 'json.number', kind: walk.kind, path, detail: 'it is not finite' })
      return
    }
    if (typeof node !== 'object' || node === null) return
    if (path.length >= settings.maxDepth) return stop('json.depth', `limit ${settings.maxDepth}`)
    if (Array.isArray(node)) {
      const items = member(nodeSchema, 'items')
      // By index: an iterator's pairs cost several times the visit itself.
      for (let index = 0; index < node.length && !stopped && !out.full; index++) {
        descend(index, node[index], items, kind)
      }
      return
    }
    const properties = member(nodeSchema, 'properties')
    for (const key of Object.keys(node)) {
      if (stopped || out.full) return
      if (++keys > settings.maxKeys) return stop('json.keys', `limit ${settings.maxKeys}`)
      if (++nodes > maxNodes) return stop('json.nodes', `limit ${maxNodes}`)
      visitKey(key, kind)
      descend(key, (node as Record<string, unknown>)[key], member(properties, key), kind)
    }
  }
  const visitKey = (key: string, kind: ValueKind): void => {
    const reaches = key === '__proto__' || (key === 'prototype' && path.at(-1) === 'constructor')
    path.push(key)
    if (reaches) out.add({ ruleId: 'json.prototype_key', kind: walk.kind, path, text: key })
    visitString(key, kind, true)
    path.pop()
  }
  const descend = (step: string | number, child: unknown, childSchema: unknown, inherited: ValueKind): void => {
    const declared = childSchema === undefined ? undefined : member(childSchema, 'x-mcp-kind')
    path.push(step)
    visit(child, childSchema, declared === 'string' || declared === 'text' ? declared : inherited)
    path.pop()
  }

  visit(value, schema, valueKind)
}

function member(schema: unknown, name: string): unknown {
  return typeof schema === 'object' && schema !== null && Object.hasOwn(schema, name)
    ? (schema as Record<string, unknown>)[name]
    : undefined
}

/** ES2024, in every Node this runs on; the types of ES2023 do not know it yet. */
type WellFormed = string & { isWellFormed(): boolean }

/** Offset of the first half of a surrogate pair that stands alone, or -1. */
function loneSurrogate(text: string): number {
  if ((text as WellFormed).isWellFormed()) return -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0xd800 || code > 0xdfff) continue
    const low = text.charCodeAt(i + 1)
    if (code > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return i
    i++
  }
  return -1
}
