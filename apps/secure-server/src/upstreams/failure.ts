/** Nobody is there, as opposed to somebody who refuses. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
}

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

/** A word that programs choose, not a text that may quote what was sent. */
const wordOf = (value: unknown): string | undefined =>
  typeof value === 'string' && /^\w{1,64}$/.test(value) ? value : undefined

/** The first code of an error and what caused it. */
const codeOf = (error: unknown): string | undefined => {
  let at = error
  for (let depth = 0; depth < 4 && at !== undefined; depth++) {
    const code = wordOf(fieldOf(at, 'code'))
    if (code !== undefined) return code
    at = fieldOf(at, 'cause')
  }
  return undefined
}

/** What `fetch` threw. An answer that did not come in time is that of one request: the next may be quicker. */
export const unreachable = (error: unknown): unknown =>
  codeOf(error) === 'UND_ERR_HEADERS_TIMEOUT' ? error : new UnreachableError('no connection', { cause: error })

/** An error for a log: never its message, which may quote headers and URLs. */
export const about = (error: unknown): Readonly<Record<string, unknown>> => {
  const [name, code, status] = [wordOf(fieldOf(error, 'name')), codeOf(error), fieldOf(error, 'status')]
  return {
    error: name ?? 'Error',
    ...(code === undefined ? {} : { code }),
    ...(typeof status === 'number' ? { status } : {}),
  }
}
