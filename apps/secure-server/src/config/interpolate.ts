import { isRecord } from '@portcullis/guard'

/** Where references in the configuration lead. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file beside the configuration. Throws when it cannot be read. */
  readonly readFile: (path: string) => string
}

const reference = /\$\{(env|file):([^}]*)\}/g

/** Replaces `${env:NAME}` and `${file:PATH}` in every string. `fail` does not return. */
export const interpolate = (
  value: unknown,
  sources: Sources,
  fail: (path: readonly (string | number)[], message: string) => never,
  path: readonly (string | number)[] = [],
): unknown => {
  if (typeof value === 'string') {
    return value.replace(reference, (_, kind: string, name: string) => {
      if (kind === 'env')
        return sources.env[name] ?? fail(path, `the environment variable ${JSON.stringify(name)} is not set`)
      try {
        return sources.readFile(name).replace(/\r?\n$/, '')
      } catch (error) {
        return fail(path, error instanceof Error ? error.message : 'cannot be read')
      }
    })
  }
  if (Array.isArray(value)) return value.map((item, index) => interpolate(item, sources, fail, [...path, index]))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item, sources, fail, [...path, key])]),
  )
}
