import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { isTooDeep } from './depth.ts'
import { ConfigurationError } from './errors.ts'
import { interpolate, type Sources } from './interpolate.ts'
import { type Configuration, schema } from './schema.ts'
import { didYouMean } from './suggest.ts'

type Secrets = NonNullable<Configuration['secrets']>

/** The keys that may stand at a place of the schema, for "did you mean". */
const keysAt = (node: z.core.$ZodType, path: readonly PropertyKey[]): string[] => {
  const { def } = node._zod
  switch (def.type) {
    case 'optional':
      return keysAt((def as z.core.$ZodOptionalDef).innerType, path)
    case 'union':
      return (def as z.core.$ZodUnionDef).options.flatMap((option) => keysAt(option, path))
    case 'array':
      return path.length === 0 ? [] : keysAt((def as z.core.$ZodArrayDef).element, path.slice(1))
    case 'record':
      return path.length === 0 ? [] : keysAt((def as z.core.$ZodRecordDef).valueType, path.slice(1))
    case 'object': {
      const { shape } = def as z.core.$ZodObjectDef
      if (path.length === 0) return Object.keys(shape)
      const inner = shape[String(path[0])]
      return inner === undefined ? [] : keysAt(inner, path.slice(1))
    }
    default:
      return []
  }
}

const lineOf = (
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
  key?: string,
): number | undefined => {
  const places = key === undefined ? [path] : [[...path, key], path]
  for (const place of places) {
    for (let length = place.length; length > 0; length--) {
      const node = document.getIn(place.slice(0, length), true)
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
    }
  }
  return undefined
}

/** Keys are the file's own words, and may be anything. */
const oneLine = (text: string): string => (/^[\u0020-\u007e]*$/.test(text) ? text : JSON.stringify(text))

const dotted = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${oneLine(String(part))}`,
    )
    .join('')

/** The issue that says most: inside a union zod reports each branch, and the one that got furthest is the one that was meant. */
const deepest = (issue: z.core.$ZodIssue): z.core.$ZodIssue => {
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.errors
    .flatMap((branch) => branch.map((each) => ({ each, wrong: weight(branch) })))
    .sort(
      (one, other) =>
        other.each.path.length - one.each.path.length || rank(other.each) - rank(one.each) || one.wrong - other.wrong,
    )[0]?.each
  return inner === undefined ? issue : deepest({ ...inner, path: [...issue.path, ...inner.path] })
}
/** How much is wrong by one branch of a union. */
const weight = (branch: readonly z.core.$ZodIssue[]): number =>
  branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)
const rank = (issue: z.core.$ZodIssue): number =>
  issue.code === 'unrecognized_keys' ? 2 : issue.code === 'invalid_value' ? 0 : 1

/**
 * A configuration out of YAML or JSON text.
 *
 * @throws {ConfigurationError} one line with the file, the line, the key and what is wrong with it.
 */
export const parseConfiguration = (
  text: string,
  file: string,
  sources: Omit<Sources, 'readSecret'> & { readonly openSecrets: (options: Secrets) => (name: string) => string },
): Configuration => {
  const lines = new LineCounter()
  const fail = (line: number | undefined, message: string): never => {
    throw new ConfigurationError(`${file}${line === undefined ? '' : `:${line}`}: ${message}`)
  }
  if (isTooDeep(text)) return fail(undefined, 'it is nested too deeply')
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, stringKeys: true })
  // A tag that nobody knows is only a warning to the parser: what it stands for would be taken for something else.
  const broken = document.errors[0] ?? document.warnings[0]
  if (broken !== undefined) return fail(lines.linePos(broken.pos[0]).line, broken.message.split('\n', 1)[0] as string)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 50 }) ?? {}
  } catch (error) {
    return fail(undefined, (error as Error).message)
  }
  const failAt = (path: readonly (string | number)[], message: string): never =>
    fail(lineOf(document, lines, path), `${dotted(path)}: ${message}`)
  const unopened = (): never => {
    throw new Error('the place of the secrets cannot itself be secret')
  }
  let secret: ((name: string) => string) | undefined
  const readSecret = (name: string): string => {
    if (secret === undefined) {
      const given = { secrets: (value as Record<string, unknown>)['secrets'] }
      const own = schema.safeParse(interpolate(given, { ...sources, readSecret: unopened }, failAt))
      secret = sources.openSecrets(own.data?.secrets ?? {})
    }
    return secret(name)
  }
  const interpolated = interpolate(value, { ...sources, readSecret }, failAt)
  const parsed = schema.safeParse(interpolated)
  if (parsed.success) return parsed.data
  const issue = deepest(parsed.error.issues[0] as z.core.$ZodIssue)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] as string
    const place = dotted([...issue.path, key])
    return fail(
      lineOf(document, lines, issue.path, key),
      `unknown key ${JSON.stringify(place)}${didYouMean(key, keysAt(schema, issue.path))}`,
    )
  }
  return fail(
    lineOf(document, lines, issue.path),
    `${issue.path.length === 0 ? '' : `${dotted(issue.path)}: `}${issue.code === 'invalid_key' ? `the name ${issue.issues[0]?.message}` : issue.message}`,
  )
}
