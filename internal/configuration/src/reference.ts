import { z } from 'zod'
import { schema } from './schema.ts'

/** A part of the JSON Schema that `z.toJSONSchema` makes, as far as it is read here. */
interface Node {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Node
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | boolean
  readonly anyOf?: readonly Node[]
  readonly required?: readonly string[]
}

/** The JSON Schema of the configuration file, for editors. */
export const jsonSchema = (): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return { $schema, title: 'Portcullis configuration', ...rest }
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``

const isSection = (node: Node): boolean => node.properties !== undefined

/** What may stand there, in a few words. */
const shape = (node: Node): string => {
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(shape))].join(' or ')
  if (node.enum !== undefined) return node.enum.map(code).join(', ')
  if (node.const !== undefined) return code(node.const)
  if (isSection(node)) return 'section'
  if (node.type === 'array') return `list of ${shape(node.items ?? {})}`
  if (typeof node.additionalProperties === 'object') return `map to ${shape(node.additionalProperties)}`
  if (node.type === 'integer') {
    const { minimum, maximum } = node
    return minimum === undefined || maximum === undefined ? 'integer' : `integer, ${minimum} to ${maximum}`
  }
  return node.type ?? 'anything'
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

const rowsOf = (node: Node, path: string): string[] => {
  const rows: string[] = []
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const place = path === '' ? name : `${path}.${name}`
    const needed = node.required?.includes(name) === true
    const fallback = needed ? 'required' : child.default === undefined ? '' : code(child.default)
    rows.push(
      `| \`${place}\` | ${cell(shape(child))} | ${cell(fallback)} | ${cell(child.description ?? '')} |`,
      ...inner(child, place),
    )
  }
  return rows
}

const inner = (node: Node, place: string): string[] => {
  if (isSection(node)) return rowsOf(node, place)
  if (node.anyOf !== undefined) return node.anyOf.flatMap((branch) => inner(branch, place))
  if (node.type === 'array') return inner(node.items ?? {}, `${place}[]`)
  return typeof node.additionalProperties === 'object' ? inner(node.additionalProperties, `${place}.NAME`) : []
}

/** Every key of the configuration file as a table of Markdown. */
export const referenceTable = (): string =>
  [
    '| key | value | default | what for |',
    '| --- | --- | --- | --- |',
    ...rowsOf(z.toJSONSchema(schema, { io: 'input' }) as Node, ''),
  ].join('\n')
