import { maxDepth } from './depth.ts'

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where references in the configuration lead. Each throws when there is nothing. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file beside the configuration. */
  readonly readFile: (path: string) => string
  /** The value of a secret. */
  readonly readSecret: (name: string) => string
}

type Path = readonly (string | number)[]

const reference = /\$\{(env|file):([^}]*)\}/g
const secretReference = /^secret:\/\/([A-Za-z0-9_.-]{1,128})$/

/** Replaces `${env:NAME}`, `${file:PATH}` and whole strings `secret://NAME`. `fail` does not return. */
export const interpolate = (
  value: unknown,
  sources: Sources,
  fail: (path: Path, message: string) => never,
  path: Path = [],
): unknown => {
  const attempt = (read: () => string): string => {
    try {
      return read()
    } catch (error) {
      return fail(path, error instanceof Error ? error.message : 'cannot be read')
    }
  }
  if (typeof value === 'string') {
    if (value.startsWith('secret://')) {
      const name = secretReference.exec(value)?.[1]
      if (name === undefined) return fail(path, `${JSON.stringify(value)} does not name a secret: secret://NAME`)
      return attempt(() => sources.readSecret(name))
    }
    return value.replace(reference, (_, kind: string, name: string) => {
      if (kind === 'file') return attempt(() => sources.readFile(name).replace(/\r?\n$/, ''))
      return sources.env[name] ?? fail(path, `the environment variable ${JSON.stringify(name)} is not set`)
    })
  }
  // An alias of what it is in has no end.
  if (path.length > maxDepth) return fail(path.slice(0, 1), 'is nested too deeply, or refers to itself')
  if (Array.isArray(value)) return value.map((item, index) => interpolate(item, sources, fail, [...path, index]))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item, sources, fail, [...path, key])]),
  )
}
