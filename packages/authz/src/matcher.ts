import { ANY, covers, type Crosses, DIRS, intersects, matches, type Token } from './glob.ts'
import type { ParsedGrant } from './grant.ts'
import { isNameChar } from './name.ts'
import type { Action, ActionKind } from './types.ts'
import { foldUri, restrictedForms } from './uri.ts'

export const crossesNoSlash: Crosses = (code) => code !== 0x2f
export const crossesAll: Crosses = () => true

/**
 * `grant`: widens, so it is held against the name exactly. `restrict`: denies and rules; a resource is held against every spelling that servers
 * commonly read as the same, `*` in any other name stands for any run of any characters, and a missing server means every server.
 */
export type MatcherMode = 'grant' | 'restrict'

/** Patterns of one kind, ready to be asked. */
export interface Matcher {
  /** Text of a pattern that matches, or undefined. */
  find(action: Action): string | undefined
  /** Text of a line that covers every name of the kind on every server. */
  everything(kind: ActionKind): string | undefined
  /** The resource patterns in force on a server. */
  resourcePatterns(server: string): readonly ResourcePattern[]
}

export interface ResourcePattern {
  readonly text: string
  readonly tokens: readonly Token[]
}

/** Exact names in a map, patterns with one wildcard as string comparisons, the rest as globs. */
interface PatternSet {
  readonly exact: Map<string, string>
  readonly tests: { readonly text: string; readonly test: (name: string) => boolean }[]
  readonly resources: ResourcePattern[]
}

export function compileMatcher(grants: readonly ParsedGrant[], mode: MatcherMode): Matcher {
  const everything = new Map<ActionKind, string>()
  const sets = new Map<ActionKind, Map<string, PatternSet>>()
  for (const grant of grants) {
    for (const kind of grant.kinds) {
      if (grant.pattern === undefined) {
        if (!everything.has(kind)) everything.set(kind, grant.text)
        continue
      }
      const server = grant.server ?? (mode === 'grant' ? 'local' : '*')
      const servers = sets.get(kind) ?? new Map<string, PatternSet>()
      sets.set(kind, servers)
      const set = servers.get(server) ?? { exact: new Map(), tests: [], resources: [] }
      servers.set(server, set)
      addPattern(set, kind, grant.text, grant.pattern, mode)
    }
  }
  const lookUp = (servers: ReadonlyMap<string, PatternSet>, server: string, name: string): string | undefined =>
    findIn(servers.get(server), name) ?? findIn(servers.get('*'), name)
  return {
    find(action) {
      const all = everything.get(action.kind)
      const servers = sets.get(action.kind)
      if (all !== undefined || servers === undefined) return all
      if (mode === 'grant' || action.kind !== 'resource') return lookUp(servers, action.server, action.name)
      for (const form of restrictedForms(action.name)) {
        const found = lookUp(servers, action.server, form)
        if (found !== undefined) return found
      }
      return undefined
    },
    everything: (kind) => everything.get(kind),
    resourcePatterns: (server) => [
      ...(sets.get('resource')?.get(server)?.resources ?? []),
      ...(sets.get('resource')?.get('*')?.resources ?? []),
    ],
  }
}

/** The pattern with its literals folded as `foldUri` does. */
export function fold(tokens: readonly Token[]): readonly Token[] {
  return tokens.map((token) => (typeof token === 'string' ? foldUri(token) : token))
}

function addPattern(
  set: PatternSet,
  kind: ActionKind,
  text: string,
  pattern: readonly Token[],
  mode: MatcherMode,
): void {
  if (kind === 'resource') set.resources.push({ text, tokens: pattern })
  addTest(set, kind, text, pattern, mode)
  if (kind !== 'resource' || mode === 'grant') return
  const folded = fold(pattern)
  if (folded.some((token, i) => token !== pattern[i])) addTest(set, kind, text, folded, mode)
}

function addTest(set: PatternSet, kind: ActionKind, text: string, tokens: readonly Token[], mode: MatcherMode): void {
  const [only] = tokens
  if (tokens.length === 1 && typeof only === 'string') {
    if (!set.exact.has(only)) set.exact.set(only, text)
  } else {
    const crosses = kind === 'resource' ? crossesNoSlash : mode === 'grant' ? isNameChar : crossesAll
    const test = compileTest(tokens, crosses)
    set.tests.push({ text, test })
  }
}

/** Most lines end at the comparison of what stands before the first wildcard and after the last. */
function compileTest(tokens: readonly Token[], crosses: Crosses): (name: string) => boolean {
  const [first] = tokens
  const last = tokens.at(-1)
  const start = typeof first === 'string' ? first : ''
  const end = typeof last === 'string' ? last : ''
  const fits = (name: string): boolean =>
    name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end)
  const wild = tokens.filter((token) => typeof token !== 'string')
  if (wild.length > 1 || wild[0] === DIRS) return (name) => fits(name) && matches(tokens, name, crosses)
  if (wild[0] === ANY) return fits
  return (name) => fits(name) && isRun(name, start.length, name.length - end.length, crosses)
}

function isRun(name: string, start: number, end: number, crosses: Crosses): boolean {
  for (let i = start; i < end; i++) if (!crosses(name.charCodeAt(i))) return false
  return true
}

function findIn(set: PatternSet | undefined, name: string): string | undefined {
  if (set === undefined) return undefined
  const exact = set.exact.get(name)
  if (exact !== undefined) return exact
  for (const { text, test } of set.tests) if (test(name)) return text
  return undefined
}

/** True if some resource URI is matched by both. */
export function resourcesMeet(a: readonly Token[], b: readonly Token[]): boolean {
  return intersects(a, b, crossesNoSlash)
}

/** True only if the restricting pattern covers every resource URI of `inner`. */
export function resourceCovers(restricting: readonly Token[], inner: readonly Token[]): boolean {
  return covers(fold(restricting), fold(inner), crossesNoSlash)
}
