import { describe, expect, test } from 'vitest'
import { type ApiKeyStore, createApiKeys, formatKey, memoryStore, type VerifyContext } from '../src/index.ts'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000
const SECRET = 'S'.repeat(43)

/** Keys in every state there is, by the name of the state; the store counts what it is asked, the pepper what is hashed under it. */
const setup = async () => {
  const time = { nowMs: NOW }
  const inner = memoryStore()
  const asked: string[] = []
  const store: ApiKeyStore = {
    ...inner,
    get(id) {
      asked.push(id)
      return inner.get(id)
    },
  }
  const keys = createApiKeys({ store, clock: () => time.nowMs, lastUseIntervalMs: false })
  const texts = new Map<string, string>()
  const make = async (name: string, options = {}) => {
    const { key } = await keys.create({ name, grants: ['get_*'], ...options })
    texts.set(name, key)
    return key
  }
  const text = (name: string): string => texts.get(name) ?? ''
  await make('good')
  await make('expired', { expiresAtMs: NOW + 1 })
  await make('later', { notBeforeMs: NOW + HOUR })
  await make('disabled')
  await keys.disable('disabled')
  await make('revoked')
  await keys.revoke('revoked')
  await make('rotated')
  await keys.rotate('rotated', { overlapMs: 0 })
  await make('meant', { audiences: ['https://a.example'] })
  await make('placed', { allowedAddresses: ['10.0.0.0/8'], deniedAddresses: ['10.6.6.6'] })
  for (const state of ['disabled', 'revoked', 'expired', 'placed']) {
    const parent = `parent ${state}`
    const networks = state === 'placed' ? { allowedAddresses: ['10.0.0.0/8'] } : {}
    await make(parent, { grants: ['admin:delegate', 'get_*'], expiresAtMs: NOW + HOUR, ...networks })
    const child = await keys.issueChild({ idOrName: parent }, { name: `child of ${state}`, grants: ['get_*'] })
    texts.set(`child of ${state}`, child.key)
  }
  await keys.disable('parent disabled')
  await keys.revoke('parent revoked')
  time.nowMs = NOW + 1
  return { keys, text, asked, time }
}

const changed = (key: string, at: number): string =>
  `${key.slice(0, at)}${key[at] === 'x' ? 'y' : 'x'}${key.slice(at + 1)}`
const otherSecret = (key: string): string =>
  formatKey({ prefix: 'pck', env: 'live', id: key.slice(9, 21), secret: SECRET })
type Text = (name: string) => string
type Case = [string, (text: Text) => unknown, string, VerifyContext?]

/** A text, and what is said of it. */
const known: Case[] = [
  ['a good one', (text) => text('good'), 'ok'],
  ['one that has expired', (text) => text('expired'), 'expired'],
  ['one that is not valid yet', (text) => text('later'), 'not_yet_valid'],
  ['one that is disabled', (text) => text('disabled'), 'disabled'],
  ['one that is revoked', (text) => text('revoked'), 'revoked'],
  ['one that was rotated', (text) => text('rotated'), 'rotated'],
  ['one for elsewhere, where nothing is said', (text) => text('meant'), 'wrong_audience'],
  ['one for elsewhere', (text) => text('meant'), 'wrong_audience', { audience: 'https://b.example' }],
  ['one for elsewhere, of many', (text) => text('meant'), 'wrong_audience', { audience: ['x', 'https://a.example/'] }],
  ['one for here', (text) => text('meant'), 'ok', { audience: ['x', 'https://a.example'] }],
  ['one from nowhere', (text) => text('placed'), 'wrong_address'],
  ['one from elsewhere', (text) => text('placed'), 'wrong_address', { address: '11.0.0.1' }],
  ['one from an address that is denied', (text) => text('placed'), 'wrong_address', { address: '10.6.6.6' }],
  ['one from no address', (text) => text('placed'), 'wrong_address', { address: 'localhost' }],
  ['one from a mapped address', (text) => text('placed'), 'ok', { address: '::ffff:10.1.2.3' }],
  ['a child of one that is disabled', (text) => text('child of disabled'), 'parent'],
  ['a child of one that is revoked', (text) => text('child of revoked'), 'parent'],
  ['a child whose parent may not come from here', (text) => text('child of placed'), 'parent', { address: '11.0.0.1' }],
  ['a child whose parent may come from here', (text) => text('child of placed'), 'ok', { address: '10.1.2.3' }],
  ['a wrong secret', (text) => otherSecret(text('good')), 'unknown'],
  ['a wrong secret of one that is revoked', (text) => otherSecret(text('revoked')), 'unknown'],
  ['a wrong secret of one that has expired', (text) => otherSecret(text('expired')), 'unknown'],
  ['an unknown id', () => formatKey({ prefix: 'pck', env: 'live', id: 'A'.repeat(12), secret: SECRET }), 'unknown'],
  [
    'another environment, with its own checksum',
    (text) =>
      formatKey({ prefix: 'pck', env: 'test', id: text('good').slice(9, 21), secret: text('good').slice(21, 64) }),
    'unknown',
  ],
  [
    'another prefix, with its own checksum',
    (text) =>
      formatKey({ prefix: 'abc', env: 'live', id: text('good').slice(9, 21), secret: text('good').slice(21, 64) }),
    'unknown',
  ],
  ['another prefix', (text) => `abc${text('good').slice(3)}`, 'unknown'],
  ['one that is cut short', (text) => text('good').slice(0, -1), 'unknown'],
  ['the half of one', (text) => text('good').slice(0, 30), 'unknown'],
  ['one with a space behind it', (text) => `${text('good')} `, 'unknown'],
  ['one with a line end behind it', (text) => `${text('good')}\n`, 'unknown'],
  ['one with a NUL behind it', (text) => `${text('good')}\0`, 'unknown'],
  ['one twice', (text) => text('good').repeat(2), 'unknown'],
  ['one in capitals', (text) => text('good').toUpperCase(), 'unknown'],
  ['one in wide letters', (text) => text('good').replace('pck', '\uff50\uff43\uff4b'), 'unknown'],
  ['letters that are the same below 256', (text) => text('good').replace('p', '\u0170'), 'unknown'],
  ['half of a surrogate pair', () => '\ud800', 'unknown'],
  ['one with half of a pair in it', (text) => `${text('good').slice(0, 40)}\udc00${text('good').slice(41)}`, 'unknown'],
  ['__proto__', () => '__proto__', 'unknown'],
  ['constructor', () => 'constructor', 'unknown'],
  ['an imported id', () => 'imp-0123456789abcdef', 'unknown'],
  ['4,096 characters', () => 'a'.repeat(4096), 'unknown'],
]

/** Refused by their look: no store is asked, and what is made of them is not looked at. */
const malformed: Case[] = [
  ['a wrong checksum', (text) => changed(text('good'), 69), 'malformed'],
  ['a mistyped id', (text) => changed(text('good'), 12), 'malformed'],
  ['a mistyped secret', (text) => changed(text('good'), 40), 'malformed'],
  ['a mistyped environment', (text) => text('good').replace('live', 'love'), 'malformed'],
  ['nothing', () => '', 'malformed'],
  ['4,097 characters', () => 'a'.repeat(4097), 'malformed'],
  ['a million characters', () => 'pck_live_'.repeat(111_112), 'malformed'],
  ...[undefined, null, 7, 7n, true, {}, [], Symbol('key'), () => 'key', new String('key')].map(
    (value): Case => [`no text but ${typeof value} ${String(value)}`, () => value, 'malformed'],
  ),
  ['an object that says it is one', (text) => ({ toString: () => text('good'), length: 70 }), 'malformed'],
  ['a list of one', (text) => [text('good')], 'malformed'],
]

describe.each([...known, ...malformed])('%s', (_what, make, expected, context) => {
  test(`is ${expected}, the first time and again`, async () => {
    const { keys, text, asked, time } = await setup()
    const given = make(text)
    asked.length = 0
    const first = keys.verify(given as string, context)
    expect(first).not.toBeInstanceOf(Promise)
    expect(first).toMatchObject(expected === 'ok' ? { ok: true } : { ok: false, reason: expected })
    expect(Object.isFrozen(first)).toBe(true)
    if (expected === 'malformed') expect(asked).toEqual([])
    else expect(asked.length).toBeGreaterThan(0)
    expect(asked.length).toBeLessThanOrEqual(2)
    expect(keys.verify(given as string, context)).toBe(first)
    // And with another key, which is good, in between.
    expect(keys.verify(text('good'))).toMatchObject({ ok: true })
    expect(keys.verify(given as string, context)).toBe(first)
    // A refusal that time brings comes whether or not the key was used before.
    time.nowMs = NOW + 100 * 24 * HOUR
    expect(keys.verify(given as string, context)).toMatchObject({ ok: false })
  })
})

test('a child ends with its parent', async () => {
  const { keys, text, time } = await setup()
  expect(keys.verify(text('child of expired'))).toMatchObject({ ok: true })
  time.nowMs = NOW + HOUR
  expect(keys.verify(text('child of expired'))).toMatchObject({ ok: false })
  expect(keys.verify(text('parent expired'))).toEqual({ ok: false, reason: 'expired' })
})
