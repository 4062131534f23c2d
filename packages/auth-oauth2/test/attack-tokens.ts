import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { change, type Lookup } from './attack-values.ts'
import { base64url, ec, ed, jwkOf, rsa, signText } from './local-issuer.ts'

/** A case of `attacks.json`. */
export interface Attack {
  readonly name: string
  readonly kind: string
  readonly source: string
  /** What it is refused with; several that are as good are separated by `|`. */
  readonly reason: string
  readonly [field: string]: unknown
}

const pairOfRsa = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent })

/** Whose key signs: the issuer's good ones, ones that it should never have published, and a stranger's. */
export const keys: Readonly<Record<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>> = {
  ec,
  rsa,
  ed,
  rsa1024: pairOfRsa(1024),
  'rsa e3': pairOfRsa(2048, 3),
  'enc only': pairOfRsa(2048),
  'sign only': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  stranger: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
}

const jwk = (name: string, more: object) => jwkOf((keys[name] as typeof ec).publicKey, { kid: name, ...more })

/** What the issuer publishes beside its good keys. */
export const badKeys = [
  jwk('rsa1024', { use: 'sig' }),
  jwk('rsa e3', { use: 'sig' }),
  jwk('enc only', { use: 'enc' }),
  jwk('sign only', { key_ops: ['sign'] }),
  { kty: 'oct', k: base64url('a secret that was published'), kid: 'oct', alg: 'HS256' },
]

const algorithms: Readonly<Record<string, string>> = {
  ec: 'ES256',
  stranger: 'ES256',
  'sign only': 'ES256',
  ed: 'EdDSA',
  oct: 'HS256',
}
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** (r, n - s): as good a signature as (r, s). */
export const malleated = (signature: string): string => {
  const bytes = Buffer.from(signature, 'base64url')
  const s = ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  return base64url(Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]))
}

const order = Buffer.from(ORDER.toString(16), 'hex')
const ones = Buffer.concat([Buffer.alloc(31), Buffer.from([1])])

/** What stands in the place of a signature. */
const forge = (how: string, text: string, key: KeyObject): string => {
  const real = () => Buffer.from(signText(text, key), 'base64url')
  switch (how) {
    case 'nothing':
      return ''
    case 'zero':
      return base64url(Buffer.alloc(real().length))
    case 'one':
      return base64url(Buffer.concat([Buffer.alloc(real().length - 1), Buffer.from([1])]))
    case 'zero r':
      return base64url(Buffer.concat([Buffer.alloc(32), real().subarray(32)]))
    case 'zero s':
      return base64url(Buffer.concat([real().subarray(0, 32), Buffer.alloc(32)]))
    case 'order':
      return base64url(Buffer.concat([order, order]))
    case 'ones':
      return base64url(Buffer.concat([ones, ones]))
    case 'der':
      return base64url(derOf(real()))
    case 'truncated':
      return base64url(real().subarray(0, -1))
    case 'extended':
      return base64url(Buffer.concat([real(), Buffer.alloc(1)]))
    case 'flipped': {
      const bytes = real()
      bytes[9] = (bytes[9] as number) ^ 1
      return base64url(bytes)
    }
    case 'random':
      return base64url(randomBytes(real().length))
    case 'small order':
      return base64url(Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]))
    case 'other token':
    case 'foreign claims':
    case 'foreign header':
      return signText(`${text}x`, key)
    case 'malleable':
      return malleated(signText(text, key))
    case 'other key':
      return signText(text, (keys['stranger'] as typeof ec).privateKey)
    default:
      return hmac(how, text, key)
  }
}

const derOf = (raw: Buffer): Buffer => {
  const integer = (bytes: Buffer) => Buffer.concat([Buffer.from([2, bytes.length + 1, 0]), bytes])
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

/** `hmac sha256 pem`: a MAC with something public as its secret. */
const hmac = (how: string, text: string, key: KeyObject): string => {
  const [, digest = '', form = ''] = how.split(' ')
  const open = Object.values(keys).find(({ privateKey }) => privateKey === key)?.publicKey as KeyObject
  const pem = open.export({ format: 'pem', type: 'spki' }) as string
  const exported = open.export({ format: 'jwk' })
  const secrets: Record<string, string | Buffer> = {
    pem,
    'pem-no-newline': pem.trim(),
    der: open.export({ format: 'der', type: 'spki' }),
    jwk: JSON.stringify(exported),
    x: Buffer.from((exported.x ?? exported.n) as string, 'base64url'),
    kid: 'ec',
    empty: '',
  }
  return base64url(
    createHmac(digest, secrets[form] as string)
      .update(text)
      .digest(),
  )
}

/** A JWT as a case describes it, from a header and claims that would be good. */
export const tokenOf = (attack: Attack, claims: Record<string, unknown>, lookup: Lookup): string => {
  const name = (attack['key'] as string | undefined) ?? 'ec'
  const key = (keys[name] ?? ec).privateKey
  const plain = { alg: algorithms[name] ?? 'RS256', typ: 'at+jwt', kid: name === 'ed' ? 'ed25519' : name }
  const header = (attack['headerText'] as string | undefined) ?? JSON.stringify(change(plain, attack['header'], lookup))
  const given = attack['payloadText'] as string | undefined
  const payload =
    given === undefined
      ? JSON.stringify(change(claims, attack['payload'], lookup))
      : given.replace(/\$(issuer|resource|in600|now)/g, (word) => String(lookup[word]))
  const text = `${base64url(header)}.${base64url(payload)}`
  const how = attack['sign'] as string | undefined
  if (name === 'oct')
    return `${text}.${base64url(createHmac('sha256', 'a secret that was published').update(text).digest())}`
  return rewrite(
    `${text}.${how === undefined ? signText(text, key) : forge(how, text, key)}`,
    attack['change'] as string,
  )
}

/** Changes the text of a token that would be good. */
export const rewrite = (token: string, how: string | undefined): string => {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  switch (how) {
    case undefined:
      return token
    case 'pad header':
      return `${header}=.${payload}.${signature}`
    case 'pad payload':
      return `${header}.${payload}=.${signature}`
    case 'pad signature':
      return `${token}==`
    case 'space':
      return `${header}.${payload.slice(0, 8)} ${payload.slice(8)}.${signature}`
    case 'newline':
      return `${header}.${payload.slice(0, 8)}\n${payload.slice(8)}.${signature}`
    case 'tab':
      return `${header}.${payload}.${signature.slice(0, 8)}\t${signature.slice(8)}`
    case 'tail bits':
      // 64 bytes are 86 characters; the last has four bits that stand for nothing.
      return token.slice(0, -1) + last[last.indexOf(token.at(-1) as string) + 1]
    case 'base64 alphabet':
      return `${header}.${payload}.+/${signature.slice(2)}`
    case 'percent':
      return token.replaceAll('.', '%2E')
    case 'trailing newline':
      return `${token}\n`
    case 'leading space':
      return ` ${token}`
    case 'nul':
      return `${token}\0`
    case 'extra part':
      return `${token}.${signature}`
    case 'five parts':
      return `${header}..${payload}.${signature}.${signature}`
    case 'no signature':
      return `${header}.${payload}.`
    case 'two parts':
      return `${header}.${payload}`
    case 'empty header':
      return `.${payload}.${signature}`
    case 'empty payload':
      return `${header}..${signature}`
    case 'json':
      return JSON.stringify({ protected: header, payload, signature })
    case 'wide dots':
      return token.replaceAll('.', '\u3002')
    case 'oversize':
      return `${header}.${payload}${'A'.repeat(20_000)}.${signature}`
    case '1 MiB':
      return `${header}.${'A'.repeat(1_048_576)}.${signature}`
    default:
      throw new Error(`no such change: ${how}`)
  }
}

export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')
