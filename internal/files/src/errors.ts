export type FileErrorCode =
  | 'ERR_FILE_ABSENT'
  | 'ERR_FILE_ENCODING'
  | 'ERR_FILE_LOCKED'
  | 'ERR_FILE_READ'
  | 'ERR_FILE_TOO_LARGE'
  | 'ERR_FILE_UNSAFE'
  | 'ERR_FILE_WRITE'

/** A file that could not be read, written, locked or trusted; the message names the path and never what is in it. */
export class FileError extends Error {
  override readonly name = 'FileError'
  readonly code: FileErrorCode
  readonly fault: 'unavailable' | 'invalid'

  constructor(code: FileErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.fault = code === 'ERR_FILE_UNSAFE' || code === 'ERR_FILE_ENCODING' ? 'invalid' : 'unavailable'
  }
}

/** The `code` of a system error (`ENOENT`), or `undefined` for anything else. */
export const errnoOf = (error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** What failed, for a message: the system's code where there is one, so that no path is repeated. */
export const reasonOf = (error: unknown): string => errnoOf(error) ?? (error instanceof Error ? error.message : 'error')
