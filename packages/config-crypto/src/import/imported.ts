/** One value of another format. */
export interface Imported {
  readonly name: string
  readonly value: unknown
  /** Whether it is to be sealed; of a Fernet file, whether it was encrypted there. */
  readonly sealed: boolean
}
