import { randomBytes } from 'node:crypto'
import { Vault } from '../crypto/vault.ts'
import { newDataKey } from '../crypto/wrap.ts'
import { ConfigError, optionsError, refuseUnknown } from '../errors.ts'
import { dayOf } from '../format/day.ts'
import type { KeyEntry } from '../format/key-table.ts'
import { leavesOf } from '../format/tree.ts'
import { SealedLeaf } from '../format/leaf.ts'
import { type Enrollment, enroll, entryOf } from '../keys/enroll.ts'
import { keepKeys, prependKey } from '../keys/key-file-writer.ts'
import { checkSource, holderOf, quoted } from '../keys/holder.ts'
import { renewal, sealingKeysIn } from '../keys/renew.ts'
import { runAsync } from '../steps.ts'
import type { Next } from '../sealed/next.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'
import type { KeySource, RotateKeyOptions, Rotation } from '../types.ts'
import { change } from './change.ts'
import type { Session } from './session.ts'

/*
 * Killed at any moment, a key that is at hand opens the file: a new key is on disk and read again before the file names it, and an old one leaves its key file only
 * after no file names it any more.
 */

const maxGraceDays = 3650

const enrollmentOf = ({ place }: Session, { vault }: SealedFile): Enrollment => ({
  path: place.path,
  id: vault.id,
  dataKey: vault.dataKey,
  created: dayOf(place.clock),
  random: randomBytes,
})

const assertNew = (entry: KeyEntry, { header }: SealedFile, named: string): void => {
  if (header.keys.some(({ kid }) => kid === entry.kid)) throw optionsError(`${named} opens the file already`)
}

/**
 * The entry by which the file is opened here: the one by which it was, unless another process took that away or let it retire and a key of another entry is at hand.
 */
const kidAtHand = async ({ place }: Session, { kid: cameInBy, header }: SealedFile): Promise<string> => {
  const staying = new Set(header.keys.filter(({ retires }) => retires === undefined).map(({ kid }) => kid))
  if (staying.has(cameInBy)) return cameInBy
  for (const holder of place.sources.map(holderOf)) {
    const keys = holder.kind === 'text' && holder.quiet ? await sealingKeysIn(holder, place.path, [...staying]) : []
    const found = [...keys, ...(holder.kind === 'raw' ? [holder.key] : [])].find(({ kid }) => staying.has(kid))
    if (found) return found.kid
  }
  if (cameInBy !== '') return cameInBy
  throw optionsError('no key at hand opens the file any more: open it anew')
}

/** The key file that holds a key. */
const keyFileOf = async ({ place }: Session, wanted: string): Promise<string> => {
  for (const holder of place.sources.map(holderOf)) {
    if (holder.kind !== 'text' || holder.path === undefined) continue
    const keys = await sealingKeysIn(holder, place.path, [wanted])
    if (keys.some(({ kid }) => kid === wanted)) return holder.path
  }
  throw optionsError('the file was not opened by a key file: say with "to" where the new key is')
}

const newEntry = async (
  session: Session,
  file: SealedFile,
  old: string,
  to: KeySource | undefined,
): Promise<KeyEntry> => {
  const enrollment = enrollmentOf(session, file)
  if (to === undefined) return entryOf(await prependKey(await keyFileOf(session, old)), enrollment)
  const entry = await enroll(to, enrollment)
  assertNew(entry, file, quoted(to))
  return entry
}

export const rotateKey = async (session: Session, options: RotateKeyOptions = {}): Promise<Rotation> => {
  refuseUnknown('rotateKey', options, ['to', 'graceDays'])
  const { graceDays = 0 } = options
  if (!Number.isSafeInteger(graceDays) || graceDays < 0 || graceDays > maxGraceDays) {
    throw optionsError(`graceDays is 0 to ${maxGraceDays}`)
  }
  const to = options.to === undefined ? undefined : checkSource(options.to)
  const retires = dayOf(session.place.clock, graceDays)
  let rotation: Rotation | undefined
  await change(session, async (file) => {
    const old = await kidAtHand(session, file)
    const entry = await newEntry(session, file, old, to)
    const kept = file.header.keys.flatMap((key): KeyEntry[] => {
      if (key.kid !== old) return [key]
      return graceDays === 0 ? [] : [{ ...key, retires }]
    })
    rotation = {
      kid: entry.kid,
      dropped: graceDays === 0 ? [old] : [],
      retiring: graceDays === 0 ? [] : [old],
    }
    return { header: { keys: [entry, ...kept] }, kid: entry.kid }
  })
  if (to) session.addSource(to)
  return rotation as Rotation
}

export const addKey = async (session: Session, source: KeySource): Promise<{ readonly kid: string }> => {
  let kid = ''
  await change(session, async (file) => {
    const entry = await enroll(checkSource(source), enrollmentOf(session, file))
    assertNew(entry, file, quoted(source))
    kid = entry.kid
    return { header: { keys: [...file.header.keys, entry] } }
  })
  return { kid }
}

const withNewDataKey = async (session: Session, file: SealedFile, drop: readonly string[]): Promise<Next> => {
  const { place } = session
  const vault = new Vault(newDataKey(randomBytes), file.vault.id)
  const entries = file.header.keys.filter(({ kid }) => !drop.includes(kid))
  const renew = renewal(place.sources, entries, { ...enrollmentOf(session, file), dataKey: vault.dataKey })
  const kept: KeyEntry[] = []
  const absent: string[] = []
  for (const entry of entries) {
    const renewed = await renew(entry)
    if (renewed) kept.push(renewed)
    else absent.push(entry.kid)
  }
  if (absent.length > 0) {
    const message = `a new data key must be wrapped for every key, and these are not at hand: ${absent.join(', ')}; drop them, or name their sources`
    throw new ConfigError('ERR_CONFIG_NO_KEY', message)
  }
  const [first] = kept
  if (!first) throw optionsError('no key would be left')
  const kid = kept.some((entry) => entry.kid === file.kid) ? file.kid : first.kid
  return { vault, header: { keys: kept, dataKeyFrom: dayOf(place.clock) }, kid }
}

const checkKids = (kids: readonly string[], file: SealedFile): void => {
  for (const kid of kids) {
    if (!file.header.keys.some((entry) => entry.kid === kid)) {
      throw optionsError(`the file has no key ${JSON.stringify(String(kid).slice(0, 64))}`)
    }
  }
}

export const rotateDataKey = async (
  session: Session,
  options: { readonly drop?: readonly string[] } = {},
): Promise<void> => {
  refuseUnknown('rotateDataKey', options, ['drop'])
  const { drop = [] } = options
  if (!Array.isArray(drop)) throw optionsError('drop must be a list of kids')
  await change(session, (file) => {
    checkKids(drop, file)
    return withNewDataKey(session, file, drop)
  })
}

export const removeKey = async (session: Session, kid: string): Promise<{ readonly secrets: readonly string[] }> => {
  await rotateDataKey(session, { drop: [kid] })
  const leaves = [...leavesOf(session.file.content.root)].filter(({ node }) => node instanceof SealedLeaf)
  return { secrets: leaves.map(({ pointer }) => pointer) }
}

/** Old keys of the key files at hand that the file does not name. Under the lock of the file: a key that is being rotated in is in its key file before the file names it. */
const removeOldKeys = async (session: Session): Promise<readonly string[]> => {
  const named = new Set(session.file.header.keys.map(({ kid }) => kid))
  const removed: string[] = []
  for (const holder of session.place.sources.map(holderOf)) {
    if (holder.kind !== 'text' || holder.path === undefined) continue
    const text = await runAsync(holder.read({ path: session.path, kids: [] }))
    if (text !== undefined) removed.push(...(await keepKeys(holder.path, named)))
  }
  return removed
}

export const finishRotation = async (session: Session): Promise<{ readonly dropped: readonly string[] }> => {
  const dropped = new Set<string>()
  const dropGraceKeys = async (file: SealedFile): Promise<Next | undefined> => {
    const kid = await kidAtHand(session, file)
    const leaving = file.header.keys.filter((entry) => entry.retires !== undefined && entry.kid !== kid)
    for (const entry of leaving) dropped.add(entry.kid)
    if (leaving.length === 0) return undefined
    return { header: { keys: file.header.keys.filter((entry) => !leaving.includes(entry)) } }
  }
  await change(session, dropGraceKeys, async () => {
    for (const kid of await removeOldKeys(session)) dropped.add(kid)
  })
  return { dropped: [...dropped] }
}
