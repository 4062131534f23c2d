import { posix } from 'node:path'
import type { Collector } from './collector.ts'
import { ValidatorError } from './errors.ts'
import type { ArgumentKind, ToolArguments } from './types.ts'

/** What the arguments of one tool mean, made ready to check calls with. */
export interface CompiledTool {
  /** The kinds as a schema says them, for the walk over all strings. */
  readonly schema: unknown
  readonly paths: readonly { readonly steps: readonly string[]; readonly root: string }[]
}

const fail = (problem: string): never => {
  throw new ValidatorError('ERR_VALIDATOR_OPTIONS', problem)
}

/** RFC 6901, for members of objects. */
const stepsOf = (pointer: string, place: string): readonly string[] => {
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer)) fail(`${place} is no JSON pointer`)
  return pointer
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

const checkKind = (given: unknown, place: string): ArgumentKind => {
  if (typeof given !== 'object' || given === null) fail(`${place} must be an object`)
  const { kind, root, ...unknown } = given as { kind?: unknown; root?: unknown }
  const [field] = Object.keys(unknown)
  if (field !== undefined) fail(`${place} has an unknown field ${JSON.stringify(field)}`)
  if (kind === 'path') {
    if (typeof root !== 'string' || !root.startsWith('/')) fail(`${place}.root must be an absolute path`)
    return { kind, root: root as string }
  }
  if ((kind !== 'text' && kind !== 'string') || root !== undefined) {
    fail(`${place}.kind must be text, string, or path with a root`)
  }
  return { kind: kind as 'text' | 'string' }
}

/** @throws ValidatorError ERR_VALIDATOR_OPTIONS */
export function compileTools(tools: ToolArguments): ReadonlyMap<string, CompiledTool> {
  if (typeof tools !== 'object' || tools === null || Array.isArray(tools)) fail('tools must be an object')
  return new Map(
    Object.entries(tools).map(([name, pointers]): [string, CompiledTool] => {
      const schema: Schema = {}
      const paths: { steps: readonly string[]; root: string }[] = []
      for (const [pointer, given] of Object.entries(pointers)) {
        const place = `tools[${JSON.stringify(name)}][${JSON.stringify(pointer)}]`
        const steps = stepsOf(pointer, place)
        const argument = checkKind(given, place)
        if (argument.kind === 'path') paths.push({ steps, root: posix.resolve(argument.root) })
        let at = schema
        for (const step of steps) {
          at.properties ??= Object.create(null) as Record<string, Schema>
          at = at.properties[step] ??= {}
        }
        at['x-mcp-kind'] = argument.kind === 'text' ? 'text' : 'string'
      }
      return [name.includes('/') ? name : `local/${name}`, { schema, paths }]
    }),
  )
}

interface Schema {
  properties?: Record<string, Schema>
  'x-mcp-kind'?: string
}

/**
 * Whether a path stays below a directory, however it is written: what matters is where it leads when `/` and `\` part it. Links are the file system's: a server that
 * follows them leads elsewhere.
 */
export function staysBelow(root: string, path: string): boolean {
  if (path.includes('\0') || path.split(/[/\\]/).includes('..')) return false
  // `file:` and drive letters are other ways to begin anew.
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(path) || path.startsWith('~') || path.startsWith('\\')) return false
  const resolved = posix.resolve(root, path)
  return resolved === root || resolved.startsWith(root === '/' ? '/' : `${root}/`)
}

/** Adds a finding for each path of the arguments that leaves its root, or is none. */
export function checkPaths(args: unknown, { paths }: CompiledTool, out: Collector): void {
  for (const { steps, root } of paths) {
    const value = steps.reduce<unknown>(
      (inner, step) =>
        typeof inner === 'object' && inner !== null && Object.hasOwn(inner, step)
          ? (inner as Record<string, unknown>)[step]
          : undefined,
      args,
    )
    if (value === undefined) continue
    const all = Array.isArray(value) ? value : [value]
    all.forEach((one: unknown, index) => {
      if (typeof one === 'string' && staysBelow(root, one)) return
      const path = Array.isArray(value) ? [...steps, index] : steps
      out.add({ ruleId: 'argument.outside_root', kind: 'path', path, text: typeof one === 'string' ? one : '' })
    })
  }
}
