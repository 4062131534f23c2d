import { isRecord, isStateless, type Revision } from '@portcullis/guard'
import type { ClientFacts } from './session.ts'

/** Every revision that is served, newest first. */
export const revisions: readonly Revision[] = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26']
/** Those that begin with `initialize`. */
const negotiable = revisions.filter((revision) => !isStateless(revision))
const latest: Revision = '2025-11-25'

/** The revision to speak with a client: the one it asked for when we have it, else our newest of its era. */
export const negotiate = (asked: unknown): Revision => negotiable.find((revision) => revision === asked) ?? latest

/** What an `initialize` says of its client. */
export const factsOf = (params: Readonly<Record<string, unknown>> | undefined): ClientFacts => {
  const capabilities = params?.['capabilities']
  const has = (name: string): boolean => isRecord(capabilities) && isRecord(capabilities[name])
  return {
    revision: negotiate(params?.['protocolVersion']),
    sampling: has('sampling'),
    elicitation: has('elicitation'),
    roots: has('roots'),
  }
}
