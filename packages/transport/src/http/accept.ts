import type { IncomingMessage } from 'node:http'
import { header } from './headers.ts'

/** What a client takes for an answer. Neither means 406. */
export interface Accepts {
  readonly json: boolean
  readonly stream: boolean
}

const both: Accepts = { json: true, stream: true }
const json: Accepts = { json: true, stream: false }
const usual = 'application/json, text/event-stream'

/** A missing `Accept`, and one that takes anything, get JSON: `curl` then prints an answer, not a stream. */
export const acceptsOf = (request: IncomingMessage): Accepts => {
  const accept = header(request, 'accept')
  if (accept === undefined) return json
  if (accept === usual) return both
  const types = accept
    .toLowerCase()
    .split(',')
    .filter((part) => !/;\s*q=0(?:\.0*)?\s*(?:;|$)/.test(part))
    .map((part) => (part.split(';', 1)[0] as string).trim())
  return {
    json: types.some((type) => type === 'application/json' || type === 'application/*' || type === '*/*'),
    stream: types.includes('text/event-stream') || types.includes('text/*'),
  }
}
