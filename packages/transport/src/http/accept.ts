import type { IncomingMessage } from 'node:http'
import { header } from './headers.ts'

/** What a client takes for an answer. Neither means 406. */
export interface Accepts {
  readonly json: boolean
  readonly stream: boolean
  /** What it names first, of the two. */
  readonly preferred: 'json' | 'stream'
}

const both: Accepts = { json: true, stream: true, preferred: 'json' }
const json: Accepts = { json: true, stream: false, preferred: 'json' }
const usual = 'application/json, text/event-stream'

const isJson = (type: string): boolean => type === 'application/json' || type === 'application/*' || type === '*/*'
const isStream = (type: string): boolean => type === 'text/event-stream' || type === 'text/*'

/** The weight of a media range (RFC 9110 section 12.4.2). */
const weightOf = (range: string): number => {
  const weight = /;\s*q=([01](?:\.[0-9]{0,3})?)\s*(?:;|$)/.exec(range)?.[1]
  return weight === undefined ? 1 : Number(weight)
}

/** A missing `Accept`, and one that takes anything, get JSON: `curl` then prints an answer, not a stream. */
export const acceptsOf = (request: IncomingMessage): Accepts => {
  const accept = header(request, 'accept')
  if (accept === undefined) return json
  if (accept === usual) return both
  const ranges = accept
    .toLowerCase()
    .split(',')
    .map((part) => ({ type: (part.split(';', 1)[0] as string).trim(), weight: weightOf(part) }))
    .filter(({ weight }) => weight > 0)
  const best = (matches: (type: string) => boolean) =>
    ranges.reduce((most, { type, weight }) => (matches(type) ? Math.max(most, weight) : most), 0)
  const [plain, stream] = [best(isJson), best(isStream)]
  const first = ranges.find(({ type }) => isJson(type) || isStream(type))
  return {
    json: plain > 0,
    stream: stream > 0,
    preferred: stream > plain || (stream === plain && first !== undefined && isStream(first.type)) ? 'stream' : 'json',
  }
}
