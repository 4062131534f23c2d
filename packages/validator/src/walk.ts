import { type Collector, exceedsBytes } from './findings/collector.ts'
import { RULES } from './findings/rules.ts'
import { SCORES } from './findings/score.ts'
import { inspect, type Judge, type Seen } from './kinds/inspect.ts'
import type { CompiledKind } from './kinds/compile.ts'
import { kindOfName, type Plan } from './kinds/plan.ts'
import { type SchemaView, viewSchema } from './kinds/schema-view.ts'
import type { Settings } from './options.ts'
import type { Place } from './policy/modes.ts'
import { isQueryOperator } from './scan/protocols.ts'

/** What is known of the value at a place. */
interface Meaning {
  readonly kind: CompiledKind
  /** Somebody said so, by policy or schema. */
  readonly declared: boolean
  /** The policy said so: no schema overrides it, here or below. */
  readonly byPolicy?: boolean
}

export interface Walk {
  /** What findings about shape say they are about: `arguments`, or the kind of the value. */
  readonly about: string
  readonly tool?: string
  readonly plan?: Plan
  readonly schema?: unknown
  readonly meaning: Meaning
  /** Judgements that would only be recorded are looked for as well. */
  readonly record: boolean
}

const TEXT: CompiledKind = { kind: 'text' }
/** Characters of undeclared strings that are looked through for the record in one call: what is only recorded must not cost more than what is enforced. */
const MAX_RECORDED_CHARS = 32_768

/**
 * Visits every string and key of a value, each by itself, within the bounds of depth, keys, strings and nodes. Recursion is as deep as `maxDepth`, and
 * a value that refers to itself ends there.
 */
export function walkValue(value: unknown, walk: Walk, settings: Settings, out: Collector): void {
  const path: (string | number)[] = []
  // Every value takes two bytes of text at least, itself and what parts it from the next.
  const maxNodes = Math.min(settings.maxNodes, Math.max(16, Math.floor(settings.maxBodyBytes / 2)))
  let nodes = 0
  let keys = 0
  let stopped = false
  let recordable = MAX_RECORDED_CHARS
  const { modes, threshold } = settings
  const off = settings.preset === 'off'
  const strict = settings.preset === 'strict'
  const toolPlace = walk.tool === undefined ? {} : { tool: walk.tool }

  const stop = (ruleId: 'json.nodes' | 'json.depth' | 'json.keys' | 'json.array_length', detail: string): void => {
    out.add({ ruleId, kind: walk.about, path, detail })
    stopped = true
  }

  const report = (seen: Seen, place: Place, kind: string, isKey: boolean, enforced: boolean): void => {
    const decoded = seen.decodings.length > 0
    const detail = [isKey ? 'in a key' : '', seen.detail ?? '', decoded ? `after ${seen.decodings.join(', ')}` : '']
      .filter((part) => part !== '')
      .join('; ')
    out.add({
      ruleId: seen.ruleId,
      kind,
      path,
      text: seen.text,
      at: seen.at,
      enforced,
      place,
      decodings: seen.decodings,
      ...(decoded ? {} : { offset: seen.at }),
      ...(detail === '' ? {} : { detail }),
    })
  }

  /** What a string shows by its kind; judgements are enforced together, when their scores reach the threshold. */
  const judge = (text: string, { kind, declared }: Meaning, isKey: boolean, look: Judge, enforce: boolean): void => {
    const seen = inspect(text, kind, look)
    if (seen.length === 0) return
    const place: Place = { ...toolPlace, kind: kind.kind, declared: declared && kind.kind !== 'text' }
    let score = 0
    for (const { ruleId } of seen) {
      const { certain, severity } = RULES[ruleId]
      if (!certain && modes.resolve(ruleId, place) === 'enforce') score += SCORES[severity]
    }
    for (const one of seen) {
      const { certain, group } = RULES[one.ruleId]
      const alone = certain || (group === 'tripwire' && settings.preset === 'strict')
      report(one, place, kind.kind, isKey, enforce && (alone || score >= threshold))
    }
  }

  const visitString = (text: string, meaning: Meaning, isKey: boolean): void => {
    const shown = meaning.kind.kind === 'secret' ? '' : text
    const lone = loneSurrogate(text)
    if (lone >= 0)
      out.add({ ruleId: 'json.lone_surrogate', kind: walk.about, path, text: shown, at: lone, offset: lone })
    const limit = isKey ? settings.maxKeyBytes : settings.maxStringBytes
    if (exceedsBytes(text, limit))
      out.add({
        ruleId: isKey ? 'json.key_size' : 'json.string_size',
        kind: walk.about,
        path,
        text: shown.slice(0, 200),
        detail: `limit ${limit} bytes`,
      })
    const rooted = meaning.kind.kind === 'path' && meaning.kind.root !== undefined
    if ((off && !rooted) || text.length === 0) return
    const declared = meaning.declared && meaning.kind.kind !== 'text'
    const records = walk.record && !out.recordFull && recordable > 0
    const look: Judge = declared || strict ? 'all' : records ? 'record' : 'no'
    if (!declared) recordable -= text.length
    judge(text, meaning, isKey, look, true)
    if (settings.isMarker(text))
      out.add({ ruleId: 'value.marker', kind: walk.about, path, text: shown, place: { ...toolPlace, declared: true } })
    if (settings.userRules.length > 0) runUserRules(text, meaning)
  }

  const runUserRules = (text: string, { kind, declared }: Meaning): void => {
    if (kind.kind === 'secret' || kind.kind === 'opaque') return
    for (const rule of settings.userRules) {
      if (rule.kinds !== undefined && !rule.kinds.includes(kind.kind)) continue
      const at = rule.find(text)
      if (at >= 0)
        out.add({
          ruleId: rule.id,
          kind: kind.kind,
          path,
          text,
          at,
          offset: at,
          place: { ...toolPlace, kind: kind.kind, declared },
        })
    }
  }

  const visit = (
    node: unknown,
    plan: Plan | undefined,
    schema: SchemaView | undefined,
    meaning: Meaning,
    elements: boolean,
  ): void => {
    if (++nodes > maxNodes) return stop('json.nodes', `limit ${maxNodes}`)
    if (typeof node === 'string') return visitString(node, meaning, false)
    const structured = meaning.declared && isScalar(meaning.kind)
    // What only `*` says of a place with members of its own is said of the texts there, and of what is not named in it.
    const holds = plan?.holds === true && typeof node === 'object' && node !== null
    if (structured && !holds && !(Array.isArray(node) && elements)) {
      const root = meaning.kind.kind === 'path' && meaning.kind.root !== undefined
      out.add({
        ruleId: root ? 'argument.outside_root' : 'value.type',
        kind: meaning.kind.kind,
        path,
        place: { ...toolPlace, kind: meaning.kind.kind, declared: true },
      })
    }
    if (typeof node === 'number') {
      if (!Number.isFinite(node)) out.add({ ruleId: 'json.number', kind: walk.about, path, detail: 'it is not finite' })
      return
    }
    if (typeof node !== 'object' || node === null) return
    if (path.length >= settings.maxDepth) return stop('json.depth', `limit ${settings.maxDepth}`)
    if (Array.isArray(node)) {
      if (node.length > settings.maxArrayLength) return stop('json.array_length', `limit ${settings.maxArrayLength}`)
      // By index: an iterator's pairs cost several times the visit itself.
      for (let index = 0; index < node.length && !stopped && !out.full; index++) {
        descend(index, node[index], plan, schema?.element(index), meaning, false)
      }
      return
    }
    for (const key of Object.keys(node)) {
      if (stopped || out.full) return
      if (++keys > settings.maxKeys) return stop('json.keys', `limit ${settings.maxKeys}`)
      if (++nodes > maxNodes) return stop('json.nodes', `limit ${maxNodes}`)
      visitKey(key, meaning)
      descend(key, (node as Record<string, unknown>)[key], plan, schema?.member(key), meaning, true)
    }
  }

  const visitKey = (key: string, meaning: Meaning): void => {
    const reaches = key === '__proto__' || (key === 'prototype' && path.at(-1) === 'constructor')
    path.push(key)
    if (reaches) out.add({ ruleId: 'json.prototype_key', kind: walk.about, path, text: key })
    if (key.charCodeAt(0) === 0x24 && isQueryOperator(key)) {
      out.add({
        ruleId: 'nosql.operator_key',
        kind: walk.about,
        path,
        text: key,
        place: { ...toolPlace, declared: meaning.declared && meaning.kind.kind !== 'text' },
      })
    }
    // A key is a short value, whatever stands behind it.
    const kind: CompiledKind = meaning.kind.kind === 'string' ? meaning.kind : TEXT
    visitString(key, { kind, declared: meaning.declared }, true)
    path.pop()
  }

  const descend = (
    step: string | number,
    child: unknown,
    plan: Plan | undefined,
    schema: SchemaView | undefined,
    inherited: Meaning,
    named: boolean,
  ): void => {
    path.push(step)
    const next = plan === undefined ? undefined : (plan.members?.get(String(step)) ?? plan.any)
    const said = next?.kind ?? (inherited.byPolicy === true ? undefined : schema?.kind)
    visit(
      child,
      next,
      schema,
      said === undefined ? inherited : { kind: said, declared: true, byPolicy: next?.kind !== undefined },
      named || said !== undefined,
    )
    // What a name suggests is looked at beside what the value is taken for.
    if (
      said === undefined &&
      named &&
      typeof child === 'string' &&
      walk.record &&
      !inherited.declared &&
      !off &&
      !out.recordFull
    ) {
      const guess = kindOfName(step as string)
      if (guess !== undefined && child.length <= 2048)
        judge(child, { kind: guess, declared: false }, false, 'no', false)
    }
    path.pop()
  }

  const { plan, meaning } = walk
  const schema = viewSchema(walk.schema)
  const said = plan?.kind ?? schema?.kind
  visit(value, plan, schema, said === undefined ? meaning : { kind: said, declared: true }, true)
}

/** Kinds whose values are texts, or lists of them. In what was said to be `string` or `text` there may be objects. */
const isScalar = ({ kind }: CompiledKind): boolean =>
  kind !== 'string' && kind !== 'text' && kind !== 'opaque' && kind !== 'description' && kind !== 'secret'

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
