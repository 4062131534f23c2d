import { randomBytes } from 'node:crypto'
import { type RedisScript, redisProblems } from '@portcullis-internal/redis'
import { createBoundedMap } from './bounded-map.ts'
import { ApiKeyError } from './errors.ts'
import { watchEpoch } from './redis-epoch.ts'
import {
  asStoreError,
  openConnection,
  type RedisClientLike,
  type RedisConnectionOptions,
  type RedisStoreOptions,
  readStoreOptions,
} from './redis-options.ts'
import { createRecordCodec } from './redis-record.ts'
import { writableChanges } from './record.ts'
import { commitScript, findScript, noEpoch, readScript, redisKeys, touchScript } from './redis-scripts.ts'
import { countsUntil, emptyTable, findInTable, isNamed, type Table } from './table.ts'
import type { ApiKeyRecord, ApiKeyStore, Change, CommitOutcome } from './types.ts'

const MAX_CACHED = 20_000
const PAGE = 200
/** A key's last use is not written again before, however many processes use it. */
const TOUCH_MS = 60_000
const TOUCHED_AT_ONCE = 1000

export interface RedisKeyStore extends ApiKeyStore {
  /** Resolves at the first connection; rejects when closed before. */
  readonly ready: Promise<void>
  /** What is wrong, one sentence each: an eviction policy other than `noeviction`, no answer, records that none of ours can read. */
  problems(): Promise<readonly string[]>
  /** Ends the connections; later calls throw `ERR_APIKEY_STORE`. */
  close(): Promise<void>
}

interface Cached {
  readonly text: string
  readonly record: ApiKeyRecord
  generation: number
}

/**
 * Keeps keys in Redis 6 or later, or Valkey, for any number of processes. Keys that were read are answered from memory as long as nothing changed: changes are
 * pushed, the epoch that counts them is asked for every `pollMs`, and after `maxStaleMs` without an answer nothing from memory is used (`ERR_APIKEY_STORE`,
 * `fault: 'unavailable'`), as are keys not read before; never "not found" instead. Returns at once; the first calls wait for the connection. `close` it.
 * @throws ApiKeyError `ERR_APIKEY_OPTION`: also for plain text to a host beyond loopback, and without ioredis
 */
export const redisStore = (
  connection: RedisClientLike | RedisConnectionOptions,
  options: RedisStoreOptions = {},
): RedisKeyStore => {
  const { label, namespace, maxStaleMs, pollMs, integrityKey, clock, onEvent } = readStoreOptions(options)
  const codec = createRecordCodec(namespace, integrityKey)
  const keys = redisKeys(namespace)
  const link = openConnection(connection, (event) => {
    if (event.type === 'recovered') refresh()
    onEvent?.(event)
  })
  const epoch = watchEpoch({
    maxStaleMs,
    pollMs,
    clock,
    read: async () => String((await link.call('get', keys.epoch)) ?? noEpoch),
  })
  const cache = createBoundedMap<Cached>(MAX_CACHED)
  // Apart from the others, so that a flood of made-up ids drives out no key that exists.
  const absent = createBoundedMap<number>(MAX_CACHED)
  const reading = new Map<string, Promise<ApiKeyRecord | undefined>>()
  // Moves whenever something that was answered from memory may be another now.
  let moves = 0
  let closed = false

  /** After a time in which changes could not be heard. */
  const refresh = (): void => {
    if (closed) return
    moves++
    epoch.lost()
    void epoch.poll()
  }

  const forget = (id: string): void => {
    moves++
    absent.delete(id)
    const known = cache.get(id)
    if (known !== undefined) known.generation = -1
  }

  const unsubscribe = link.subscribe(keys.changes, {
    subscribed: refresh,
    message: (text) => {
      const [ids = '', before = '', after = ''] = text.split(' ')
      if (epoch.moved(before, after) === 'next') for (const id of ids.split(',')) forget(id)
    },
  })

  const call = async (command: string, ...args: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await link.call(command, ...args)
    } catch (error) {
      throw asStoreError(error)
    }
  }

  const run = async (script: RedisScript, places: readonly string[], args: readonly string[]): Promise<unknown[]> => {
    try {
      return (await link.eval(script, places, args)) as unknown[]
    } catch (error) {
      throw asStoreError(error)
    }
  }

  /** The record of a text; the same object as before if the text is the same. */
  const recordOf = (id: string, text: string): ApiKeyRecord => {
    const known = cache.get(id)
    return known?.text === text ? known.record : codec.decode(id, text)
  }

  /** Takes in what was read together with an epoch. */
  const learn = (id: string, text: string | null, seen: string, beganAtMs: number): ApiKeyRecord | undefined => {
    const record = text === null ? undefined : recordOf(id, text)
    if (!epoch.saw(seen, beganAtMs)) return record
    const { generation } = epoch
    if (text === null || record === undefined) absent.set(id, generation)
    else cache.set(id, { text, record, generation })
    return record
  }

  const read = async (id: string): Promise<ApiKeyRecord | undefined> => {
    const beganAtMs = clock()
    const [seen, text] = await run(readScript, [keys.epoch, keys.records], [id])
    return learn(id, text as string | null, String(seen), beganAtMs)
  }

  const get = (id: string): ApiKeyRecord | undefined | Promise<ApiKeyRecord | undefined> => {
    if (epoch.isFresh()) {
      const known = cache.get(id)
      if (known?.generation === epoch.generation) return known.record
      if (absent.get(id) === epoch.generation) return undefined
    }
    const under = reading.get(id)
    if (under !== undefined) return under
    const started = read(id).finally(() => reading.delete(id))
    reading.set(id, started)
    return started
  }

  const readAll = async (): Promise<Table> => {
    const table = emptyTable()
    let cursor = '0'
    do {
      const page = (await call('hscan', keys.records, cursor, 'COUNT', PAGE)) as [string, string[]]
      for (let i = 0; i < page[1].length; i += 2) {
        const id = page[1][i] as string
        // While the hash is rebuilt a record may come twice.
        if (!table.byId.has(id)) table.byId.set(id, recordOf(id, page[1][i + 1] as string))
      }
      cursor = String(page[0])
    } while (cursor !== '0')
    return table
  }

  /** Records of which not one can be read were made under another integrity key. */
  const unreadable = async (): Promise<readonly string[]> => {
    try {
      const [, page] = (await call('hscan', keys.records, '0', 'COUNT', 10)) as [string, string[]]
      let problem: string | undefined
      for (const [id, text] of pairsOf(page)) {
        try {
          recordOf(id, text)
          return []
        } catch (error) {
          problem ??= (error as Error).message
        }
      }
      return problem === undefined ? [] : [problem]
    } catch (error) {
      // That it does not answer is a problem that was told already.
      if (error instanceof ApiKeyError) return []
      throw error
    }
  }

  const find = async (idOrName: string): Promise<ApiKeyRecord | undefined> => {
    const beganAtMs = clock()
    const [seen, id, text] = await run(findScript, [keys.epoch, keys.records, keys.names], [idOrName])
    if (id !== null) {
      const record = learn(String(id), text as string | null, String(seen), beganAtMs)
      if (record && (record.id === idOrName || (record.name === idOrName && record.status !== 'revoked'))) return record
      throw new ApiKeyError('ERR_APIKEY_STORE', 'in Redis, the index of names does not agree with the records')
    }
    return findInTable(await readAll(), idOrName)
  }

  const childrenOf = ({ parent }: ApiKeyRecord): string => (parent === undefined ? keys.records : keys.children(parent))

  /** What the script is told of a change, and the record as it will stand. */
  const stepOf = (change: Change) => {
    const record = 'insert' in change ? change.insert : change.replace
    const text = codec.encode(record)
    const { id, name, family, createdAtMs, replaces = '' } = record
    const rev = 'replace' in change ? String(change.expectedRev) : ''
    const siblings = 'insert' in change ? String(change.maxSiblings ?? '') : ''
    const counts = String(countsUntil(record)).replace('Infinity', 'inf')
    const named = isNamed(record) ? name : ''
    return { record, text, args: [id, text, named, family, rev, replaces, counts, siblings, String(createdAtMs)] }
  }

  /** Makes changes and takes them in, so that this process sees at once what it did. */
  const commit = async (changes: readonly Change[]): Promise<CommitOutcome> => {
    if (changes.length === 0) return 'done'
    const steps = writableChanges(changes).map(stepOf)
    const places = [
      keys.epoch,
      keys.records,
      keys.names,
      keys.families,
      ...steps.map(({ record }) => childrenOf(record)),
    ]
    const random = randomBytes(9).toString('base64url')
    const args = [keys.changes, random, keys.children(''), ...steps.flatMap((step) => step.args)]
    const [outcome, before, after] = await run(commitScript, places, args)
    if (outcome !== 'done') return outcome as CommitOutcome
    for (const { record } of steps) forget(record.id)
    if (epoch.moved(String(before), String(after)) !== 'missed') {
      for (const { record, text } of steps) cache.set(record.id, { text, record, generation: epoch.generation })
    }
    return 'done'
  }

  const touch = async (uses: ReadonlyMap<string, number>): Promise<void> => {
    const args = [...uses].map(([id, ms]) => [id, String(ms)])
    for (let i = 0; i < args.length; i += TOUCHED_AT_ONCE) {
      await run(touchScript, [keys.uses], [String(TOUCH_MS), ...args.slice(i, i + TOUCHED_AT_ONCE).flat()])
    }
  }

  const lastUses = async (): Promise<ReadonlyMap<string, number>> => {
    const flat = (await call('hgetall', keys.uses)) as string[] | Record<string, string>
    const entries = Array.isArray(flat) ? pairsOf(flat) : Object.entries(flat)
    return new Map(entries.map(([id, ms]) => [id, Number(ms)]))
  }

  return {
    label,
    get,
    find,
    list: async () => [...(await readAll()).byId.values()],
    // Both only grow: the sum is the same as long as neither has moved.
    stamp: () => (epoch.isFresh() ? epoch.generation + moves : undefined),
    commit,
    touch,
    lastUses,
    ready: link.ready,
    problems: async () => [...(await redisProblems(link)), ...(await unreadable())],
    close: async () => {
      closed = true
      epoch.close()
      await Promise.all([unsubscribe(), link.close()])
    },
  }
}

const pairsOf = (flat: readonly string[]): [string, string][] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[i * 2] as string, flat[i * 2 + 1] as string])
