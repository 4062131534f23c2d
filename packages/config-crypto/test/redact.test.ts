import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createConfig, keys } from '../src/index.ts'
import { Automaton } from '../src/redact/automaton.ts'
import { formsOf } from '../src/redact/forms.ts'
import { createRedactor } from '../src/redact.ts'
import { failsWith, freshFolder } from './scratch.ts'

const secret = 'p@ss/w"rd é😀 <&>\'x+y=z'

const forms: Record<string, string> = {
  raw: secret,
  base64: Buffer.from(secret).toString('base64'),
  'base64 with a user before it': Buffer.from(`user:${secret}`).toString('base64'),
  'base64 with one byte before it': Buffer.from(`u${secret}`).toString('base64'),
  base64url: Buffer.from(secret).toString('base64url'),
  hex: Buffer.from(secret).toString('hex'),
  'upper hex': Buffer.from(secret).toString('hex').toUpperCase(),
  url: encodeURIComponent(secret),
  form: new URLSearchParams({ a: secret }).toString().slice(2),
  'lower url': encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase()),
  json: JSON.stringify(secret),
  'ascii json': JSON.stringify(secret).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  ),
  'json in json': JSON.stringify(JSON.stringify({ secret })),
  'json of Go': JSON.stringify(secret).replace(/[&<>]/g, (unit) => `\\u00${unit.charCodeAt(0).toString(16)}`),
  'json with large escapes': JSON.stringify(secret).replace(
    /[&<>]/g,
    (unit) => `\\u00${unit.charCodeAt(0).toString(16).toUpperCase()}`,
  ),
  html: secret.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;'),
  shell: `'${secret.replaceAll("'", "'\\''")}'`,
}

const piped = (chunks: readonly (string | Buffer)[], redactor = createRedactor([secret])): Promise<string> =>
  readAll(Readable.from(chunks).pipe(redactor.stream()))

test('every form is found, wherever the stream is cut', async () => {
  for (const [name, form] of Object.entries(forms)) {
    const bytes = Buffer.from(`before ${form} after`)
    const whole = createRedactor([secret]).redact(bytes.toString())
    expect(whole, name).toContain('[redacted]')
    for (const part of [secret, form]) expect(whole, name).not.toContain(part)
    expect([whole.startsWith('before '), whole.endsWith(' after')], name).toEqual([true, true])
    for (let at = 1; at < bytes.length; at++) {
      expect(await piped([bytes.subarray(0, at), bytes.subarray(at)]), `${name} at ${at}`).toBe(whole)
    }
    expect(await piped([...bytes].map((byte) => Buffer.from([byte]))), name).toBe(whole)
  }
})

test('nothing else is changed, whatever bytes there are', async () => {
  const noise = randomBytes(50_000)
  const chunks: Buffer[] = []
  for (let at = 0; at < noise.length; ) {
    const size = randomInt(1, 2000)
    chunks.push(noise.subarray(at, at + size))
    at += size
  }
  const out: Buffer[] = []
  for await (const chunk of Readable.from(chunks).pipe(createRedactor([secret]).stream())) out.push(chunk as Buffer)
  expect(Buffer.concat(out).equals(noise)).toBe(true)
})

test('what cannot be the beginning of a secret is not held back', async () => {
  const stream = createRedactor(['correct-horse']).stream()
  const seen = async (chunk: string) => {
    stream.write(chunk)
    await new Promise(setImmediate)
    return String(stream.read() ?? '')
  }
  expect(await seen('> prompt: ')).toBe('> prompt: ')
  expect(await seen('corr')).toBe('')
  expect(await seen('ectly ')).toBe('correctly ')
  expect(await seen('correct-hors')).toBe('')
  expect(await seen('e!')).toBe('[redacted]!')
})

test('secrets that overlap, contain or follow one another leave nothing of any', async () => {
  const secrets = ['abcdefgh', 'efghijkl', 'cdefgh', 'aaaaaaa', 'xyzxyz']
  const redactor = createRedactor(secrets)
  expect(redactor.redact('-abcdefghijkl-')).toBe('-[redacted]-')
  expect(redactor.redact('abcdefghefghijkl')).toBe('[redacted][redacted]')
  expect(redactor.redact('a'.repeat(1000))).toBe('[redacted]')
  expect(redactor.redact('xyzxyzxyzx')).toBe('[redacted]x')
  expect(redactor.redact('bcdefghij')).toBe('b[redacted]ij')
  const endless = Array.from({ length: 200 }, () => Buffer.alloc(1000, 'a'))
  expect(await piped(endless, redactor)).toBe('[redacted]')
})

test('in any text, cut anywhere, the same as finding each secret by itself', () => {
  const letter = fc.constantFrom('a', 'b', 'ab', 'ba')
  const word = fc.array(letter, { minLength: 4, maxLength: 6 }).map((letters) => letters.join(''))
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 5 }),
      fc.array(letter, { maxLength: 40 }).map((letters) => letters.join('')),
      (words, text) => {
        const covered = Array.from({ length: text.length }, () => false)
        for (const each of words) {
          for (let at = text.indexOf(each); at >= 0; at = text.indexOf(each, at + 1))
            covered.fill(true, at, at + each.length)
        }
        const marked = createRedactor(words, { minLength: 4, mark: '' }).redact(text)
        expect(marked).toBe([...text].filter((_, at) => !covered[at]).join(''))
      },
    ),
    { numRuns: 300 },
  )
})

test('the automaton finds the longest pattern that ends at a place, with all bytes in use', () => {
  const patterns = [...Array(256).keys()].map((byte) => Buffer.from([byte, 255 - byte, byte]))
  const automaton = new Automaton([...patterns, Buffer.from([7, 248, 7, 7])])
  const found: number[][] = []
  automaton.scan(Buffer.from([0, 7, 248, 7, 7, 255, 0, 255]), 0, 0, (end, length, pattern) =>
    found.push([end, length, pattern]),
  )
  expect(found).toEqual([
    [4, 3, 7],
    [5, 4, 256],
    [8, 3, 255],
  ])
})

test('of a configuration: all sealed texts, in objects too; plain ones and short ones stay, and the short are named', async () => {
  const config = await createConfig(join(freshFolder(), 'c.json'), { keys: [keys.raw(randomBytes(32))] })
  await config.update((draft) => {
    draft.set('token', 'correct-horse')
    draft.set('/db/all', { password: 'battery-staple', pin: 1234567, short: 'abc' })
    draft.set('card', 4111111111111111)
    draft.set('port', 8443)
    draft.set('host', 'plain.example', { sealed: false })
    draft.set('plain_number', 7654321, { sealed: false })
    draft.set('pem', '-----BEGIN X-----\nMIIBVgIBADANBgkqhkiG9w0\n-----END X-----\n')
  })
  const redactor = createRedactor(config)
  expect(redactor.tooShort).toEqual(['/db/all/short', '/port'])
  const said =
    'correct-horse battery-staple plain.example abc 1234567 4111111111111111 8443 7654321\n  MIIBVgIBADANBgkqhkiG9w0 -----BEGIN X-----'
  expect(redactor.redact(said)).toBe(
    '[redacted] [redacted] plain.example abc [redacted] [redacted] 8443 7654321\n  [redacted] -----BEGIN X-----',
  )
})

test('a text that ends in line ends is found without them, and named where it is too short then', () => {
  for (const end of ['\n', '\r\n', '\n\n']) {
    const redactor = createRedactor([`correct-horse${end}`, `short${end}`])
    for (const form of ['correct-horse', `correct-horse${end}`, Buffer.from('correct-horse').toString('hex')]) {
      expect(redactor.redact(`<${form}>`)).toBe('<[redacted]>')
    }
    // The last letters are of what follows too.
    expect(redactor.redact(`<${btoa('correct-horse')}>`)).toMatch(/^<\[redacted\]Q?==>$/)
    expect(redactor.tooShort).toEqual(['/1'])
  }
})

test('base64 of a text by itself is found in lines of 64 and of 76 letters', () => {
  const long = 'correct horse battery staple '.repeat(9)
  const redactor = createRedactor([long])
  const whole = Buffer.from(long).toString('base64')
  for (const columns of [64, 76]) {
    for (const end of ['\n', '\r\n']) {
      const lines = whole.match(new RegExp(`.{1,${columns}}`, 'g')) ?? []
      expect(lines.length).toBeGreaterThan(3)
      expect(redactor.redact(`a ${lines.join(end)} b`)).toMatch(/^a \[redacted\].?=* b$/)
    }
  }
})

test('what is no well-formed text is refused by its place, without it', () => {
  for (const bad of ['hunter2\ud800', '\udc00hunter2', 7_654_321, null]) {
    expect(() => createRedactor(['correct-horse', bad as string])).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
    expect(() => createRedactor(['correct-horse', bad as string])).toThrow(/: \/1$/)
  }
  expect(createRedactor(['correct-horse😀']).redact('correct-horse😀')).toBe('[redacted]')
})

test('forms are no shorter than the least length, and options are checked', () => {
  for (const { bytes } of formsOf('sixsix', 6)) expect(bytes.length).toBeGreaterThanOrEqual(6)
  for (const options of [{ minLength: 3 }, { minLength: 65 }, { mark: 1 }, { marks: 'x' }]) {
    expect(() => createRedactor(['abcdefgh'], options as never)).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  }
  expect(createRedactor([]).redact('abc')).toBe('abc')
})
