import { describe, expect, it } from 'vitest'
import { acceptsOf } from '../src/http/accept.ts'

const accepts = (accept?: string) => acceptsOf({ headers: accept === undefined ? {} : { accept } } as never)

describe('acceptsOf', () => {
  it.each<[string | undefined, boolean, boolean]>([
    [undefined, true, false],
    ['*/*', true, false],
    ['application/json, text/event-stream', true, true],
    ['text/event-stream, application/json', true, true],
    ['Application/JSON;q=0.5 , Text/Event-Stream;q=0.9', true, true],
    ['application/json', true, false],
    ['text/event-stream', false, true],
    ['text/html', false, false],
    ['application/json;q=0, text/event-stream', false, true],
    ['application/jsonl', false, false],
    ['', false, false],
  ])('%s', (accept, json, stream) => {
    expect(accepts(accept)).toEqual({ json, stream })
  })
})
