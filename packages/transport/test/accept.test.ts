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
    expect(accepts(accept)).toMatchObject({ json, stream })
  })

  it.each<[string | undefined, 'json' | 'stream']>([
    [undefined, 'json'],
    ['*/*', 'json'],
    ['application/json, text/event-stream', 'json'],
    ['text/event-stream, application/json', 'stream'],
    ['text/html, text/event-stream, */*', 'stream'],
    ['application/json;q=0.5, text/event-stream;q=0.9', 'stream'],
    ['text/event-stream;q=0.5, application/json', 'json'],
    ['text/event-stream;q=0, application/json', 'json'],
  ])('prefers, of %j, %s', (accept, preferred) => {
    expect(accepts(accept).preferred).toBe(preferred)
  })
})
