/** One value of an open file. */
export type Entry = { readonly sealed: false; readonly value: unknown } | { readonly sealed: true; reveal(): unknown }

/** What both formats are to who reads. */
export interface View {
  readonly rev: number
  readonly entries: ReadonlyMap<string, Entry>
}
