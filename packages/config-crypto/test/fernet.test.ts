import { expect, test } from 'vitest'
import { decryptToken, type FernetKey, verifyToken } from '../src/crypto/fernet.ts'
import { parseKeyText } from '../src/keys/key-text.ts'
import { vectorsFrom } from './scratch.ts'

interface Vector {
  readonly token: string
  readonly secret: string
  readonly src?: string
  readonly desc?: string
}

const open = ({ token, secret }: Vector): string | undefined => {
  const key = parseKeyText(secret, 'the vector')[0] as FernetKey
  expect(key.kind).toBe('fernet')
  const signed = verifyToken(key, token)
  return signed && decryptToken(key, signed)
}

// Written by Python's cryptography 48.
const builtIn: Vector = {
  token: 'gAAAAABrA-54bhw93cv6kO2X0wY_KX1Dm00fWmp035nAPFR29F0DXkKGPm_scMcnL_nYuA_xTON4yWSvGMyiwNNYHc5hZ-G-zw==',
  secret: 'bOx8OO5BxUzL7Ep0S1uNvauPDclOhV4yjBaXOBcpI8E=',
  src: 'sk-test-é✓',
}

test('valid tokens open', () => {
  const vectors = [
    builtIn,
    ...(vectorsFrom<Vector[]>('fernet/verify.json') ?? []),
    ...(vectorsFrom<Vector[]>('fernet/generate.json') ?? []),
  ]
  for (const vector of vectors) expect(open(vector)).toBe(vector.src)
})

test('invalid tokens do not open, except those that are only too old or too new: a configuration has no age limit', () => {
  const vectors = vectorsFrom<Vector[]>('fernet/invalid.json') ?? []
  const opened = vectors.filter((vector) => open(vector) !== undefined).map(({ desc }) => desc)
  expect(opened).toEqual(vectors.length === 0 ? [] : ['far-future TS (unacceptable clock skew)', 'expired TTL'])
})

test('every byte of a token is authenticated, and its text has one spelling', () => {
  const bytes = Buffer.from(builtIn.token, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 0x10
    const text = changed.toString('base64url')
    expect(open({ ...builtIn, token: text + '='.repeat((4 - (text.length % 4)) % 4) })).toBeUndefined()
  }
  const { token } = builtIn
  for (const other of [
    '',
    '====',
    token.slice(0, -2),
    `${token}\n`,
    ` ${token}`,
    `${token}====`,
    token.replaceAll('_', '/').replaceAll('-', '+'),
    token.replace('w==', 'x=='),
    token.slice(0, 40),
    token.slice(0, 96),
  ]) {
    expect(open({ ...builtIn, token: other }), JSON.stringify(other)).toBeUndefined()
  }
})
