import { ConfigError, inFile } from '../errors.ts'
import { dayOf } from '../format/day.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { locked, writeConfigText } from '../files/config-file.ts'
import { formatSealed, type Next, nextSealed, type SealedFile } from '../sealed/sealed-file.ts'
import { runAsync, runSync } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { checkPin, raisePin } from './pin.ts'
import { type Opened, openedOf, type Place, read } from './place.ts'
import { assertSameOrLater, writeOf } from './write-order.ts'

/** What is made of a file: its next write, or nothing. */
export type Change = (file: SealedFile) => Next | undefined | Promise<Next | undefined>

const legacyError = (path: string): ConfigError =>
  new ConfigError(
    'ERR_CONFIG_LEGACY',
    `${JSON.stringify(path)} is a Fernet file, which is read only; "portcullis secrets migrate" converts it`,
  )

/** One open file: what was read last, and the one way to change it. */
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

  /**
   * Takes the lock, reads the file anew, writes what `change` makes of it.
   * @throws ConfigError `ERR_CONFIG_LEGACY`, `ERR_CONFIG_LOCKED`, `ERR_CONFIG_CONFLICT`, `ERR_CONFIG_WRITE`, and what reading and `change` throw
   */
  async change(change: Change): Promise<void> {
    const { path } = this
    if (this.state.kind === 'legacy') throw legacyError(path)
    await locked(path, async () => {
      this.#follow(await runAsync(read(this.#place, this.state)))
      const fresh = this.state
      if (fresh.kind === 'legacy') throw legacyError(path)
      const next = await change(fresh.file)
      if (!next) return
      const file = nextSealed(fresh.file, withoutOverdue(next, fresh.file, this.#place))
      const text = formatSealed(file)
      // Before the write: what its schema refuses is not stored.
      const written = openedOf(this.#place, file, text)
      writeConfigText(path, text, fresh.text)
      this.#state = written
      if (this.#place.pinFile) raisePin(this.#place.pinFile, path, writeOf(file))
    })
  }
}

/** What a pin says to what was read, and the other way round. */
export const remember = ({ path, pinFile }: Place, opened: Opened): void => {
  if (pinFile === undefined || opened.kind === 'legacy') return
  inFile(path, () => checkPin(pinFile, writeOf(opened.file)))
  raisePin(pinFile, path, writeOf(opened.file))
}

/** Grace keys whose day has come go with the next write, but never the one that this process itself came in by. */
const withoutOverdue = (next: Next, file: SealedFile, { clock }: Place): Next => {
  const today = dayOf(clock)
  const keys = next.header?.keys ?? file.header.keys
  const stays = ({ kid, retires }: KeyEntry): boolean => retires === undefined || retires > today || kid === file.kid
  return keys.every(stays) ? next : { ...next, header: { ...next.header, keys: keys.filter(stays) } }
}
