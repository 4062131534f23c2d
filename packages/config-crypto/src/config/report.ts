import { optionsError, refuseUnknown } from '../errors.ts'
import { type Clock, dayOf, daysSince } from '../format/day.ts'
import { SealedLeaf } from '../format/leaf.ts'
import { leavesOf } from '../format/tree.ts'
import type { SealedFile } from '../sealed/sealed-file.ts'
import type { KeyInfo, StaleReport } from '../types.ts'

export const keyTable = ({ header, kid: used }: SealedFile): readonly KeyInfo[] =>
  header.keys.map(({ kid, kind, created, retires }) => ({
    kid,
    kind,
    created,
    ...(retires === undefined ? {} : { retires }),
    inUse: kid === used,
  }))

export const staleReport = (
  { header, content }: SealedFile,
  clock: Clock,
  options: { readonly days: number },
): StaleReport => {
  refuseUnknown('stale', options, ['days'])
  const { days } = options
  if (!Number.isSafeInteger(days) || days < 0) throw optionsError('stale: days must be a number of days')
  const isStale = ({ ageDays }: { readonly ageDays: number }): boolean => ageDays >= days
  const secrets = [...leavesOf(content.root)].flatMap(({ pointer, node }) =>
    node instanceof SealedLeaf ? [{ pointer, setOn: node.setOn, ageDays: daysSince(node.setOn, clock) }] : [],
  )
  const keys = header.keys.map(({ kid, created }) => ({ kid, created, ageDays: daysSince(created, clock) }))
  const dataKey = { createdOn: header.dataKeyFrom, ageDays: daysSince(header.dataKeyFrom, clock) }
  const today = dayOf(clock)
  return {
    secrets: secrets.filter(isStale),
    keys: keys.filter(isStale),
    dataKey: isStale(dataKey) ? dataKey : undefined,
    overdue: header.keys.flatMap(({ kid, retires }) =>
      retires !== undefined && retires <= today ? [{ kid, retires }] : [],
    ),
  }
}
