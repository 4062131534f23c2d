import type { ApiKeyRecord, ApiKeys, ChildKeyOptions, CreateKeyOptions } from '@portcullis/auth-apikey'
import { CliError, exitCodes } from './failure.ts'
import { openPlaces, type Place, type Purpose, takeBack } from './key-places.ts'
import type { Settings } from './settings.ts'

type Operations =
  | 'get'
  | 'list'
  | 'lastUses'
  | 'update'
  | 'rotate'
  | 'disable'
  | 'enable'
  | 'revoke'
  | 'revokeAll'
  | 'importPlain'
  | 'importHash'

/** The keys of an installation, wherever they are: new ones go to Redis where there is one, the others are found in either place. */
export interface KeyAdministration extends Pick<ApiKeys, Operations> {
  /** As that of `ApiKeys`. `env`: the second word of the key. */
  create(options: CreateKeyOptions, env?: string): ReturnType<ApiKeys['create']>
  /** As that of `ApiKeys`, of a parent by its id or name. */
  issueChild(parent: string, options: ChildKeyOptions): ReturnType<ApiKeys['issueChild']>
  /** Undoes a rotation whose new key nobody has seen; answers whether it did. */
  takeBack(successor: ApiKeyRecord): Promise<boolean>
  close(): Promise<void>
}

interface Found {
  readonly place: Place
  readonly record: ApiKeyRecord
}

const hasItsName = ({ status, replaced }: ApiKeyRecord): boolean => status !== 'revoked' && replaced === undefined

/** Where the key of a name is that could be meant in two places. */
const choose = (found: readonly Found[], idOrName: string): Found | undefined => {
  const byId = found.find(({ record }) => record.id === idOrName)
  if (byId !== undefined) return byId
  const living = found.filter(({ record }) => hasItsName(record))
  if (living.length > 1) {
    const ids = living.map(({ place, record }) => `${record.id} (${place.kind})`).join(' and ')
    throw new CliError('ERR_CLI_AMBIGUOUS', exitCodes.conflict, `two keys have that name: ${ids}; give the id`)
  }
  return living[0] ?? found.toSorted((one, other) => other.record.createdAtMs - one.record.createdAtMs)[0]
}

const locate = async (places: readonly Place[], idOrName: string): Promise<Found | undefined> => {
  const found: Found[] = []
  for (const place of places) {
    try {
      const record = await place.store.find(idOrName)
      if (record !== undefined) found.push({ place, record })
    } catch (error) {
      // A key that is found must be revocable while Redis is away.
      if (!found.some(({ record }) => hasItsName(record))) throw error
    }
    if (found.at(-1)?.record.id === idOrName) break
  }
  return choose(found, idOrName)
}

/** Runs `ask` on each, one after the other: their answers in one list. */
const fromEach = async <T>(places: readonly Place[], ask: (keys: ApiKeys) => Promise<Iterable<T>>): Promise<T[]> => {
  const all: T[] = []
  for (const place of places) all.push(...(await ask(place.keys())))
  return all
}

const administrationOf = (places: readonly [Place, ...Place[]]): KeyAdministration => {
  const newest = places.at(-1) ?? places[0]

  /** The place that has the key, its operations there, and its id: whatever else takes its name meanwhile is not meant. */
  const owner = async (idOrName: string): Promise<{ place: Place; keys: ApiKeys; id: string }> => {
    const found = await locate(places, idOrName)
    if (found === undefined) return { place: newest, keys: newest.keys(), id: idOrName }
    const { place, record } = found
    // A name that the key has given up is left to the package: it may find the key only to look at it.
    const id = hasItsName(record) ? record.id : idOrName
    // What takes the place of a key, or comes of it, is named like it.
    return { place, keys: place.keys(record.env || undefined), id }
  }

  /** Each store sees to its own names: a key must not have one of another's either, or that name would mean both. */
  const refuseTaken = async (name: string, target: Place): Promise<void> => {
    for (const place of places) {
      const record = place === target ? undefined : await place.store.find(name)
      if (record === undefined || !(hasItsName(record) || record.id === name)) continue
      const message = `a key named ${JSON.stringify(name)} exists already, in the ${place.kind}`
      throw new CliError('ERR_APIKEY_EXISTS', exitCodes.conflict, message)
    }
  }

  return {
    async create(options, env) {
      await refuseTaken(options.name, newest)
      return newest.keys(env).create(options)
    },
    async importPlain(options) {
      await refuseTaken(options.name, newest)
      return newest.keys().importPlain(options)
    },
    async importHash(options) {
      await refuseTaken(options.name, newest)
      return newest.keys().importHash(options)
    },
    get: async (idOrName) => (await locate(places, idOrName))?.record,
    async list() {
      const records = await fromEach(places, (keys) => keys.list())
      return records.sort((one, other) => one.createdAtMs - other.createdAtMs)
    },
    lastUses: async () => new Map(await fromEach(places, (keys) => keys.lastUses())),
    async update(idOrName, patch, options) {
      const { place, keys, id } = await owner(idOrName)
      if (patch.name !== undefined) await refuseTaken(patch.name, place)
      return keys.update(id, patch, options)
    },
    async rotate(idOrName, options) {
      const { keys, id } = await owner(idOrName)
      return keys.rotate(id, options)
    },
    async disable(idOrName, options) {
      const { keys, id } = await owner(idOrName)
      return keys.disable(id, options)
    },
    async enable(idOrName) {
      const { keys, id } = await owner(idOrName)
      return keys.enable(id)
    },
    async revoke(idOrName, options) {
      const { keys, id } = await owner(idOrName)
      return keys.revoke(id, options)
    },
    revokeAll: (selection, options) => fromEach(places, (keys) => keys.revokeAll(selection, options)),
    async issueChild(parent, options) {
      const { place, keys, id } = await owner(parent)
      await refuseTaken(options.name, place)
      return keys.issueChild({ idOrName: id }, options)
    },
    async takeBack(successor) {
      const found = await locate(places, successor.id)
      return found === undefined ? false : takeBack(found.place.store, successor.id)
    },
    async close() {
      await Promise.all(places.map((place) => place.close()))
    },
  }
}

export const openKeyStores = async (settings: Settings, purpose: Purpose): Promise<KeyAdministration> =>
  administrationOf(await openPlaces(settings, purpose))
