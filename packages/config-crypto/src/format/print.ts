import type { JsonValue } from '../types.ts'

const block = (open: string, close: string, indent: string, lines: readonly string[]): string =>
  lines.length === 0
    ? `${open}${close}`
    : `${open}\n${lines.map((line) => `${indent}  ${line}`).join(',\n')}\n${indent}${close}`

/** JSON with one value a line and members ordered by name, so that one changed value is one changed line wherever it stands. */
export const printTree = (value: JsonValue, indent: string): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    return block(
      '[',
      ']',
      indent,
      value.map((item: JsonValue) => printTree(item, deeper)),
    )
  }
  const members = value as { readonly [member: string]: JsonValue }
  const lines = Object.keys(members)
    .sort()
    .map((name) => `${JSON.stringify(name)}: ${printTree(members[name] as JsonValue, deeper)}`)
  return block('{', '}', indent, lines)
}

/** Members in the order given; those of a list `inLines` each on a line of their own. */
export const printHeader = (members: { readonly [member: string]: JsonValue }, inLines: string): string => {
  const lines = Object.entries(members).map(([name, value]) => {
    const text =
      name === inLines
        ? block(
            '[',
            ']',
            '    ',
            (value as readonly JsonValue[]).map((item) => JSON.stringify(item)),
          )
        : JSON.stringify(value)
    return `${JSON.stringify(name)}: ${text}`
  })
  return block('{', '}', '  ', lines)
}
