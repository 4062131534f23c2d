import type { Finding } from '../types.ts'
import { createValidator } from '../validator.ts'
import type { Listing } from './types.ts'

const validator = createValidator({ maxNodes: 1_000_000, maxKeys: 1_000_000 })
const NAME = /^[A-Za-z0-9._/-]{1,128}$/

/** Looks through everything that one item says: names, titles, descriptions, those inside schemas, keys. Pointers are into the item. */
export function scanItem(value: unknown, isNamed: boolean): readonly Finding[] {
  const findings = validator.checkValue(value, 'description')
  const name = isNamed && typeof value === 'object' && value !== null ? (value as { name?: unknown }).name : undefined
  if (typeof name !== 'string' || NAME.test(name)) return findings
  return [
    ...findings,
    {
      ruleId: 'value.malformed',
      severity: 'medium',
      confidence: 'high',
      kind: 'identifier',
      pointer: '/name',
      excerpt: '',
      message: 'a name of other characters than letters, digits, ".", "_", "-" and "/" can pass for another',
      enforced: true,
    },
  ]
}

/** The same for a whole listing, with pointers into it. */
export function scanListing(listing: Listing): Finding[] {
  const found: Finding[] = []
  const take = (at: string, value: unknown, named: boolean): void => {
    for (const finding of scanItem(value, named)) found.push({ ...finding, pointer: `${at}${finding.pointer}` })
  }
  if (listing.instructions !== undefined) take('/instructions', listing.instructions, false)
  if (listing.serverInfo !== undefined) take('/serverInfo', listing.serverInfo, false)
  for (const list of ['tools', 'prompts', 'resources', 'resourceTemplates'] as const) {
    for (const [index, value] of (listing[list] ?? []).entries())
      take(`/${list}/${index}`, value, list === 'tools' || list === 'prompts')
  }
  return found
}
