import { ConfigError, inFile } from '../errors.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'
import { runAsync, runSync, type Steps } from '../steps.ts'
import type { KeySource } from '../types.ts'
import { raisePin, readPin } from './pin.ts'
import { type Opened, type Place, read } from './place.ts'
import { assertSameOrLater, type Write, writeOf } from './write-order.ts'

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

  /** @param before what was known when reading began; a change of this process may have gone by since */
  *#follow(before: Opened): Steps<void> {
    const { opened: fresh, seen } = yield* readPinned(this.#place, before)
    inFile(this.path, () => assertFollows(before, fresh))
    yield* remember(this.#place, fresh, seen)
    if (!isLater(this.state, fresh)) this.#state = fresh
  }

  reloadSync(): void {
    runSync(this.#follow(this.state))
  }

  async reload(): Promise<void> {
    await runAsync(this.#follow(this.state))
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

const assertFollows = (before: Opened, fresh: Opened): void => {
  if (before.kind === 'legacy') return
  if (fresh.kind === 'legacy') throw new ConfigError('ERR_CONFIG_ROLLBACK', 'a Fernet file took its place')
  assertSameOrLater(writeOf(before.file), writeOf(fresh.file))
}

const isLater = (state: Opened, fresh: Opened): boolean =>
  state.kind === 'sealed' && fresh.kind === 'sealed' && state.file.header.rev > fresh.file.header.rev

/** What was read, and the write that was known before. */
interface Pinned {
  readonly opened: Opened
  readonly seen: Write | undefined
}

function* readPinned(place: Place, known?: Opened): Steps<Pinned> {
  const { path, pinFile } = place
  const seen = pinFile === undefined ? undefined : inFile(path, () => readPin(pinFile))
  return { opened: yield* read(place, known), seen }
}

/** What a pin says to what was read, and the other way round. */
function* remember({ path, pinFile }: Place, opened: Opened, seen: Write | undefined): Steps<void> {
  if (pinFile === undefined) return
  if (opened.kind === 'legacy') {
    if (seen) throw new ConfigError('ERR_CONFIG_ROLLBACK', `a Fernet file took the place of ${JSON.stringify(path)}`)
    return
  }
  const write = writeOf(opened.file)
  if (seen) inFile(path, () => assertSameOrLater(seen, write))
  yield* raisePin(pinFile, path, write)
}

/** A session that begins with what stands there. */
export function* startSession(place: Place): Steps<Session> {
  const { opened, seen } = yield* readPinned(place)
  yield* remember(place, opened, seen)
  return new Session(place, opened)
}
