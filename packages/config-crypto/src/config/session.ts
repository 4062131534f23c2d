import { ConfigError, inFile } from '../errors.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'
import { runAsync, runSync } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { checkPin, raisePin } from './pin.ts'
import { type Opened, type Place, read } from './place.ts'
import { assertSameOrLater, writeOf } from './write-order.ts'

export const legacyError = (path: string): ConfigError =>
  new ConfigError(
    'ERR_CONFIG_LEGACY',
    `${JSON.stringify(path)} is a Fernet file, which is read only; "portcullis secrets migrate" converts it`,
  )

/** One open file: what was read last. */
export class Session {
  #place: Place
  #state: Opened | undefined

  constructor(place: Place, state: Opened) {
    this.#place = place
    this.#state = state
  }

  /** What was read last. @throws ConfigError `ERR_CONFIG_DISPOSED` */
  get state(): Opened {
    if (this.#state) return this.#state
    throw new ConfigError('ERR_CONFIG_DISPOSED', `configuration file ${JSON.stringify(this.path)} was disposed of`)
  }

  get path(): string {
    return this.#place.path
  }

  get place(): Place {
    return this.#place
  }

  get isDisposed(): boolean {
    return this.#state === undefined
  }

  /** @throws ConfigError `ERR_CONFIG_LEGACY` */
  get file(): SealedFile {
    const { state } = this
    if (state.kind === 'legacy') throw legacyError(this.path)
    return state.file
  }

  readonly #onDispose = new Set<() => void>()

  onDispose(listener: () => void): void {
    this.#onDispose.add(listener)
  }

  offDispose(listener: () => void): void {
    this.#onDispose.delete(listener)
  }

  dispose(): void {
    this.#state = undefined
    for (const listener of this.#onDispose) listener()
  }

  #follow(fresh: Opened): void {
    const before = this.state
    inFile(this.path, () => {
      if (before.kind === 'sealed' && fresh.kind === 'sealed') {
        assertSameOrLater(writeOf(before.file), writeOf(fresh.file))
      } else if (before.kind === 'sealed') {
        throw new ConfigError('ERR_CONFIG_ROLLBACK', 'a Fernet file took its place')
      }
    })
    remember(this.#place, fresh)
    this.#state = fresh
  }

  reloadSync(): void {
    this.#follow(runSync(read(this.#place, this.state)))
  }

  async reload(): Promise<void> {
    this.#follow(await runAsync(read(this.#place, this.state)))
  }

  /** A key that the file is opened by from now on, before the others. */
  addSource(source: KeySource): void {
    this.#place = { ...this.#place, sources: [source, ...this.#place.sources] }
  }

  /** After a write of this process. */
  replace(written: Opened): void {
    this.#state = written
  }
}

/** What a pin says to what was read, and the other way round. */
export const remember = ({ path, pinFile }: Place, opened: Opened): void => {
  if (pinFile === undefined || opened.kind === 'legacy') return
  inFile(path, () => checkPin(pinFile, writeOf(opened.file)))
  raisePin(pinFile, path, writeOf(opened.file))
}
