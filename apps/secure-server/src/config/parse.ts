import { isNode, LineCounter, parseDocument, type Document } from 'yaml'
import { z } from 'zod'
import { configurationError } from '../exit.ts'
import { didYouMean } from '../suggest.ts'
import { interpolate, type Sources } from './interpolate.ts'
import { type Configuration, schema } from './schema.ts'

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

const dotted = (path: readonly PropertyKey[]): string =>
  path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('')

/** The issue that says most: inside a union zod reports each branch, and the one that got furthest is the one that was meant. */
const deepest = (issue: z.core.$ZodIssue): z.core.$ZodIssue => {
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.errors
    .flat()
    .sort((one, other) => other.path.length - one.path.length || rank(other) - rank(one))[0]
  return inner === undefined ? issue : deepest({ ...inner, path: [...issue.path, ...inner.path] })
}
const rank = (issue: z.core.$ZodIssue): number =>
  issue.code === 'unrecognized_keys' ? 2 : issue.code === 'invalid_value' ? 0 : 1

/**
 * A configuration out of YAML or JSON text.
 *
 * @throws {ExitError} 78: one line with the file, the line, the key and what is wrong with it.
 */
export const parseConfiguration = (text: string, file: string, sources: Sources): Configuration => {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, stringKeys: true })
  const fail = (line: number | undefined, message: string): never => {
    throw configurationError(`${file}${line === undefined ? '' : `:${line}`}: ${message}`)
  }
  const [broken] = document.errors
  if (broken !== undefined) return fail(lines.linePos(broken.pos[0]).line, broken.message.split('\n', 1)[0] as string)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 50 }) ?? {}
  } catch (error) {
    return fail(undefined, (error as Error).message)
  }
  const interpolated = interpolate(value, sources, (path, message) =>
    fail(lineOf(document, lines, path), `${dotted(path)}: ${message}`),
  )
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
    `${issue.path.length === 0 ? '' : `${dotted(issue.path)}: `}${issue.message}`,
  )
}
