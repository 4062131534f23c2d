import { ValidatorError } from '../errors.ts'
import type { ToolArguments } from '../types.ts'
import { type CompiledKind, compileKind, isValueKind } from './compile.ts'

/** What the values below a place mean: by key, by `*`, and itself. */
export interface Plan {
  kind?: CompiledKind
  members?: Map<string, Plan>
  any?: Plan
  /** The kind is what `*` says, and members are named below: an object or a list may stand here. */
  holds?: boolean
}

const fail = (problem: string): never => {
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem)
}

/** RFC 6901. */
const stepsOf = (pointer: string, place: string): readonly string[] => {
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) fail(`${place} is no JSON pointer`)
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS */
export function compileTools(tools: ToolArguments): ReadonlyMap<string, Plan> {
  if (typeof tools !== 'object' || tools === null || Array.isArray(tools)) fail('tools must be an object')
  return new Map(
    Object.entries(tools).map(([name, pointers]): [string, Plan] => {
      const plan: Plan = {}
      if (typeof pointers !== 'object' || pointers === null) fail(`tools[${JSON.stringify(name)}] must be an object`)
      for (const [pointer, given] of Object.entries(pointers)) {
        const place = `tools[${JSON.stringify(name)}][${JSON.stringify(pointer)}]`
        const steps = stepsOf(pointer, place)
        const kind = compileKind(given, place)
        let at = plan
        for (const step of steps) at = step === '*' ? (at.any ??= {}) : child(at, step)
        at.kind = kind
      }
      spread(plan)
      return [name.includes('/') ? name : `local/${name}`, plan]
    }),
  )
}

/** What `*` says holds for a named member as well, where that says nothing of its own. */
function spread(plan: Plan): void {
  for (const member of plan.members?.values() ?? []) {
    if (plan.any !== undefined) overlay(member, plan.any)
    spread(member)
  }
  if (plan.any !== undefined) spread(plan.any)
}

function overlay(plan: Plan, general: Plan): void {
  if (plan.kind === undefined && general.kind !== undefined) {
    plan.kind = general.kind
    if (plan.members !== undefined || plan.any !== undefined) plan.holds = true
  }
  for (const [step, below] of general.members ?? []) overlay(child(plan, step), below)
  if (general.any !== undefined) overlay((plan.any ??= {}), general.any)
}

function child(plan: Plan, step: string): Plan {
  plan.members ??= new Map()
  const known = plan.members.get(step)
  if (known !== undefined) return known
  const made: Plan = {}
  plan.members.set(step, made)
  return made
}

const FORMATS: Readonly<Record<string, CompiledKind>> = {
  uri: { kind: 'url', allowRelative: false },
  iri: { kind: 'url', allowRelative: false },
  url: { kind: 'url', allowRelative: false },
  'uri-reference': { kind: 'url' },
  'iri-reference': { kind: 'url' },
  hostname: { kind: 'host' },
  'idn-hostname': { kind: 'host' },
  email: { kind: 'email' },
  'idn-email': { kind: 'email' },
  regex: { kind: 'regex' },
  uuid: { kind: 'identifier' },
  password: { kind: 'secret' },
}

/** What a JSON Schema says of the value: `x-mcp-kind` (a name, or an object as in the policy), else `format`, else `contentMediaType`. */
export function kindOfSchema(schema: Readonly<Record<string, unknown>>): CompiledKind | undefined {
  const said = own(schema, 'x-mcp-kind')
  if (isValueKind(said)) return { kind: said } as CompiledKind
  if (typeof said === 'object' && said !== null) {
    try {
      return compileKind(said, 'x-mcp-kind')
    } catch {
      // A schema comes from a server; what it says wrongly, it has not said.
    }
  }
  const format = own(schema, 'format')
  if (typeof format === 'string' && Object.hasOwn(FORMATS, format)) return FORMATS[format]
  const media = own(schema, 'contentMediaType')
  if (typeof media !== 'string') return undefined
  if (media.startsWith('text/html') || media === 'application/xhtml+xml') return { kind: 'html' }
  return media === 'application/sql' ? { kind: 'sql' } : { kind: 'text' }
}

const NAMES: readonly (readonly [RegExp, CompiledKind])[] = [
  [
    /^(.*[_-])?(path|file|filename|filepath|dir|directory|folder)$|[a-z](Path|File|Filename|Dir|Directory|Folder)$/,
    { kind: 'path' },
  ],
  [/^(.*[_-])?(url|uri|link|endpoint|webhook)$|[a-z](Url|URL|Uri|URI)$/, { kind: 'url' }],
  [/^(.*[_-])?(host|hostname)$/, { kind: 'host' }],
  [/^(.*[_-])?(sql|statement)$/, { kind: 'sql' }],
  [/^(.*[_-])?(cmd|command)$/, { kind: 'command' }],
]

const guesses = new Map<string, CompiledKind | null>()
const MAX_GUESSES = 4096

/** What the name of a member makes one think that it means. Good for a record, not for a refusal. */
export function kindOfName(name: string): CompiledKind | undefined {
  if (name.length > 64) return undefined
  // Names come again and again; a caller that invents new ones pays for the expressions.
  const known = guesses.get(name)
  if (known !== undefined) return known ?? undefined
  const guess = NAMES.find(([pattern]) => pattern.test(name))?.[1]
  if (guesses.size < MAX_GUESSES) guesses.set(name, guess ?? null)
  return guess
}

export function own(node: unknown, name: string): unknown {
  return typeof node === 'object' && node !== null && Object.hasOwn(node, name)
    ? (node as Record<string, unknown>)[name]
    : undefined
}
