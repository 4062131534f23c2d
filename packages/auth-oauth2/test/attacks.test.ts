import { readFileSync } from 'node:fs'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  clientMetadataDocument,
  createOAuthClient,
  createRevocations,
  createTokenVerifier,
  discoverAuthorization,
  OAuth2Error,
  parseAuthorization,
  registerClient,
  type TokenVerifierOptions,
} from '../src/index.ts'
import { createNonces } from '../src/proof/nonce.ts'
import { type Attack, badKeys, keys, malleated, rewrite, sha256, tokenOf } from './attack-tokens.ts'
import { change, fill, type Lookup } from './attack-values.ts'
import { base64url, ec, jwkOf, type LocalIssuer, resource, signText, startLocalIssuer } from './local-issuer.ts'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const { cases } = JSON.parse(readFileSync(new URL('attacks.json', import.meta.url), 'utf8')) as { cases: Attack[] }
const ofKind = (kind: string): readonly (readonly [string, Attack])[] =>
  cases.filter((one) => one.kind === kind).map((one) => [one.name, one] as const)

let local: LocalIssuer
/** What an attacker's URLs lead to; nobody may come. */
let attacker: Server
let visits = 0
beforeAll(async () => {
  local = await startLocalIssuer()
  local.keys = [...local.keys, ...badKeys]
  attacker = createServer((_request, response) => {
    visits++
    response.end('{}')
  })
  await new Promise<void>((resolve) => attacker.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  await local.stop()
  await new Promise((resolve) => attacker.close(resolve))
})

const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { kty, crv, x, y, d } = own.privateKey.export({ format: 'jwk' }) as Record<string, string>
const ownJwk = { kty, crv, x, y }
const jkt = sha256(JSON.stringify({ crv, kty, x, y }))
const secret = randomBytes(32)
const certificate = randomBytes(400)

const lookupOf = (): Lookup => {
  const now = Math.floor(Date.now() / 1000)
  const url = `http://127.0.0.1:${(attacker.address() as AddressInfo).port}/key`
  const stranger = jwkOf((keys['stranger'] as typeof ec).publicKey, { kid: 'ec', alg: 'ES256' })
  const hidden: Record<string, unknown> = {
    $now: now,
    $in600: now + 600,
    $issuer: local.issuer,
    $ISSUER: local.issuer.toUpperCase(),
    $resource: resource,
    $RESOURCE: resource.toUpperCase(),
    '$own jkt': jkt,
    '$loose jkt': `${jkt.slice(0, -1)}B`,
    '$many audiences': [...Array.from({ length: 100 }, (_, nth) => `https://${nth}.example`), resource],
    '$many servers': Array.from({ length: 21 }, (_, nth) => `https://${nth}.example`),
    '$attacker jwk': stranger,
    '$attacker jku': url,
    '$attacker x5u': url,
    '$attacker x5c': [Buffer.from('a certificate').toString('base64')],
    '$attacker x5t': sha256('a certificate').slice(0, 27),
    '$attacker x5t#S256': sha256('a certificate'),
  }
  return hidden
}

const revocations = createRevocations()
const verifierOptions: Readonly<Record<string, (issuer: string) => Partial<TokenVerifierOptions>>> = {
  exact: (issuer) => ({ issuers: [{ issuer, audienceMode: 'exact' }] }),
  allowlist: (issuer) => ({ issuers: [{ issuer, audienceMode: 'allowlist', alsoFor: ['https://friend.example'] }] }),
  clients: (issuer) => ({ issuers: [{ issuer, clients: ['app'] }] }),
  rfc9068: (issuer) => ({ issuers: [{ issuer, profile: 'rfc9068' }] }),
  'dpop required': () => ({ dpop: { mode: 'require' } }),
  'dpop off': () => ({ dpop: { mode: 'off' } }),
  nonce: () => ({ dpop: { nonce: { secrets: [secret] } } }),
}
const verifierFor = (attack: Attack, more: Partial<TokenVerifierOptions> = {}) => {
  const named = verifierOptions[attack['verifier'] as string]?.(local.issuer) ?? {}
  return createTokenVerifier({ resource, issuers: [{ issuer: local.issuer }], revocations, ...named, ...more })
}
const expectReason = (attack: Attack, got: string): void => expect(attack.reason.split('|')).toContain(got)
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof OAuth2Error ? error.code : String(error)),
  )

beforeAll(() => {
  const { issuer } = local
  revocations.revoke({ issuer, tokenId: 'revoked' })
  revocations.revoke({ issuer, subject: 'revoked-subject', issuedUntilMs: Date.now() + 60_000 })
  revocations.revoke({ issuer, clientId: 'revoked-client', issuedUntilMs: Date.now() + 60_000 })
})

test('there are hundreds of them, each with a name and an answer of its own', () => {
  expect(cases.length).toBeGreaterThanOrEqual(600)
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`${cases.length} named attacks`)
  expect(new Set(cases.map(({ kind, name }) => `${kind} ${name}`)).size).toBe(cases.length)
})

test('what they are made of is accepted when nothing is wrong with it', async () => {
  const verifier = verifierFor({} as Attack)
  for (const key of ['ec', 'rsa', 'ed']) {
    const token = tokenOf({ key } as unknown as Attack, local.claims({ jti: key }), lookupOf())
    expect(await verifier.verify(token)).toMatchObject({ ok: true })
  }
  local.introspect = () => ({ active: true, ...local.claims() })
  const asked = verifierFor({} as Attack, { issuers: [introspected()] })
  expect(await asked.verify('opaque')).toMatchObject({ ok: true })
  for (const each of [verifier, asked]) each.close()
})

const introspected = () => ({ issuer: local.issuer, mode: 'introspection', clientId: 'gw', clientSecret: 's' }) as const

describe('tokens', () => {
  test.each(ofKind('jwt'))('%s', async (_name, attack) => {
    const verifier = verifierFor(attack)
    const before = local.requests.length
    const token = tokenOf(attack, local.claims(), lookupOf())
    const result = await verifier.verify(token)
    expectReason(attack, result.ok ? 'accepted' : result.reason)
    // Asked again it is no better.
    expect(await verifier.verify(token)).toEqual(result)
    if (attack.reason === 'issuer') expect(local.requests.length).toBe(before)
    verifier.close()
  })

  test.each(ofKind('text'))('%s', async (_name, attack) => {
    const verifier = verifierFor(attack)
    const result = await verifier.verify(attack['text'] as string)
    expectReason(attack, result.ok ? 'accepted' : result.reason)
    verifier.close()
  })

  test.each(ofKind('authorization'))('%s', (_name, attack) => {
    expect(parseAuthorization(attack['header'])).toBeUndefined()
  })

  test.each(ofKind('introspection'))('%s', async (_name, attack) => {
    local.introspect = () => change({ active: true, ...local.claims() }, attack['answer'], lookupOf())
    const verifier = verifierFor(attack, { issuers: [introspected()] })
    const got = await Promise.resolve(verifier.verify('opaque')).then(
      (result) => (result.ok ? 'accepted' : result.reason),
      (error: OAuth2Error) => error.code,
    )
    expectReason(attack, got)
    verifier.close()
  })
})

const bound = (cnf: object | undefined) =>
  tokenOf({ payload: cnf === undefined ? {} : { cnf } } as unknown as Attack, local.claims(), lookupOf())

/** A proof that would be good, as a case changes it. */
const proofOf = (attack: Attack, token: string, jti: string = randomBytes(9).toString('hex')): string => {
  const now = Date.now()
  const loose = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const nonce = createNonces([secret], 300_000, () => now).current()
  const last = nonce.at(-1) as string
  const lookup: Lookup = {
    ...lookupOf(),
    '$other jwk': jwkOf(other.publicKey, {}),
    '$private jwk': { ...ownJwk, d },
    '$jwk without y': { kty, crv, x },
    '$other ath': sha256(`${token}x`),
    '$padded ath': `${sha256(token)}=`,
    '$foreign nonce': createNonces([randomBytes(32)], 300_000, () => now).current(),
    '$old nonce': createNonces([secret], 300_000, () => now - 3_600_000).current(),
    '$loose nonce': nonce.slice(0, -1) + loose[loose.indexOf(last) ^ 1],
    '$padded nonce': `${nonce}==`,
  }
  const good = attack['verifier'] === 'nonce' ? { nonce } : {}
  const header = change({ alg: 'ES256', typ: 'dpop+jwt', jwk: ownJwk }, attack['header'], lookup)
  const plain = { jti, htm: 'POST', htu: resource, iat: Math.floor(now / 1000), ath: sha256(token), ...good }
  const text = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(change(plain, attack['payload'], lookup)))}`
  const real = signText(text, own.privateKey)
  const forged: Readonly<Record<string, () => string>> = {
    zero: () => base64url(Buffer.alloc(64)),
    flipped: () => (real[5] === 'A' ? `${real.slice(0, 5)}B${real.slice(6)}` : `${real.slice(0, 5)}A${real.slice(6)}`),
    random: () => base64url(randomBytes(64)),
    'other key': () => signText(text, other.privateKey),
    nothing: () => '',
  }
  return rewrite(`${text}.${forged[attack['sign'] as string]?.() ?? real}`, attack['change'] as string)
}

describe('proofs of possession', () => {
  const verify = (attack: Attack, verifier: ReturnType<typeof verifierFor>, token: string, proof: string | undefined) =>
    verifier.verify(token, {
      scheme: (attack['scheme'] as 'bearer' | undefined) ?? 'dpop',
      dpop: { proof, method: 'POST', url: resource },
    })

  test('what they are made of is accepted when nothing is wrong with it', async () => {
    for (const name of ['nonce', 'plain', 'dpop required']) {
      const attack = { verifier: name } as unknown as Attack
      const token = bound({ jkt })
      expect(await verify(attack, verifierFor(attack), token, proofOf(attack, token))).toMatchObject({ ok: true })
    }
    const token = bound({ 'x5t#S256': sha256(certificate) })
    const context = { clientCertificate: certificate }
    expect(await verifierFor({} as Attack).verify(token, context)).toMatchObject({ ok: true })
  })

  test.each(ofKind('dpop'))('%s', async (_name, attack) => {
    const verifier = verifierFor(attack)
    const token = bound(attack['unbound'] === true ? undefined : { jkt })
    const proof = (attack['proofText'] as string | undefined) ?? proofOf(attack, token, 'a-jti')
    let result = await verify(attack, verifier, token, attack['noProof'] === true ? undefined : proof)
    if (attack['twice'] === true) {
      expect(result).toMatchObject({ ok: true })
      const [header, payload, signature = ''] = proof.split('.')
      const second: Readonly<Record<string, () => string>> = {
        malleable: () => `${header}.${payload}.${malleated(signature)}`,
        'same jti': () => proofOf({ ...attack, payload: { extra: 1 } }, token, 'a-jti'),
      }
      result = await verify(attack, verifier, token, second[attack['second'] as string]?.() ?? proof)
    }
    expectReason(attack, result.ok ? 'accepted' : result.reason)
    verifier.close()
  })

  test.each(ofKind('mtls'))('%s', async (_name, attack) => {
    const shown = fill(attack['certificate'], {
      '$other certificate': randomBytes(400),
      '$text certificate': certificate.toString('latin1'),
      '$empty certificate': new Uint8Array(),
    })
    const token = bound({ 'x5t#S256': sha256(certificate) })
    const context = shown === undefined ? {} : { clientCertificate: shown as Uint8Array }
    const result = await verifierFor(attack).verify(token, context)
    expectReason(attack, result.ok ? 'accepted' : result.reason)
  })
})

describe('documents from elsewhere', () => {
  const serving = async <T>(documents: Readonly<Record<string, unknown>>, work: () => Promise<T>): Promise<T> => {
    local.intercept = (request, response) => {
      const document = documents[request.url ?? '']
      if (document === undefined) return false
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
      return true
    }
    try {
      return await work()
    } finally {
      local.intercept = undefined
    }
  }
  const causeOf = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'accepted',
      (error: unknown) => {
        // An authorization server that is wrong is an outage, with the reason as its cause.
        for (let at = error; at instanceof Error; at = at.cause) {
          if (at instanceof OAuth2Error && at.code === 'ERR_OAUTH2_METADATA') return at.code
        }
        return String(error)
      },
    )
  const metadata = (changes: unknown) => {
    const document = change({ issuer: local.issuer, jwks_uri: `${local.issuer}/jwks` }, changes, lookupOf())
    return { '/.well-known/oauth-authorization-server': document }
  }

  test.each(ofKind('metadata'))('%s', async (_name, attack) => {
    const verifier = verifierFor(attack)
    expectReason(attack, await serving(metadata(attack['document']), () => causeOf(verifier.prepare())))
    verifier.close()
  })

  test.each(ofKind('ssrf'))('%s', async (_name, attack) => {
    const verifier = verifierFor(attack)
    const document = metadata({ jwks_uri: attack['url'] })
    expectReason(attack, await serving(document, () => causeOf(verifier.prepare())))
    verifier.close()
  })

  test.each(ofKind('discovery'))('%s', async (_name, attack) => {
    const base = local.issuer
    const good = { resource: `${base}/mcp`, authorization_servers: [base] }
    const document = change(good, attack['document'], { ...lookupOf(), $base: base })
    const documents = { '/.well-known/oauth-protected-resource/mcp': document, ...metadata({}) }
    const found = serving(documents, () => codeOf(discoverAuthorization(`${base}/mcp`)))
    expectReason(attack, await found)
    const unchanged = { ...documents, '/.well-known/oauth-protected-resource/mcp': good }
    expect(await serving(unchanged, () => codeOf(discoverAuthorization(`${base}/mcp`)))).toBe('accepted')
  })
})

describe('clients', () => {
  const state = 'a-state-of-some-length'
  const pending = { state, codeVerifier: 'v'.repeat(43) }
  const clientAt = async (answer: object, work: (client: ReturnType<typeof createOAuthClient>) => Promise<unknown>) => {
    local.intercept = (request, response) => {
      const { issuer } = local
      const document = {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
      }
      const isToken = request.url === '/token'
      response.setHeader('content-type', 'application/json').end(JSON.stringify(isToken ? answer : document))
      return true
    }
    const client = createOAuthClient({
      issuer: local.issuer,
      clientId: 'app',
      clientSecret: 's',
      redirectUri: 'https://app.example/cb',
    })
    try {
      return await codeOf(work(client))
    } finally {
      client.close()
      local.intercept = undefined
    }
  }
  const good = { access_token: 'at', token_type: 'Bearer', expires_in: 60 }
  const queryOf = (changes: unknown): URLSearchParams => {
    const plain = { code: 'c', state, iss: local.issuer }
    const lookup = { ...lookupOf(), $state: state, $STATE: state.toUpperCase(), '$short state': state.slice(1) }
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(change(plain, changes, lookup))) {
      for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one))
    }
    return query
  }

  test('a good callback and a good answer are taken', async () => {
    expect(await clientAt(good, (client) => client.exchangeCode(queryOf({}), pending))).toBe('accepted')
  })

  test.each(ofKind('callback'))('%s', async (_name, attack) => {
    expectReason(
      attack,
      (await clientAt(good, (client) => client.exchangeCode(queryOf(attack['query']), pending))) as string,
    )
  })

  test.each(ofKind('tokens'))('%s', async (_name, attack) => {
    const answer = change(good, attack['answer'], lookupOf())
    expectReason(attack, (await clientAt(answer, (client) => client.exchangeCode(queryOf({}), pending))) as string)
  })

  test.each(ofKind('client'))('%s', async (_name, attack) => {
    const { redirectUri, clientId } = attack as { redirectUri?: string; clientId?: string }
    const described = { clientName: 'x', redirectUris: [redirectUri ?? 'https://app.example/cb'] }
    const work =
      clientId === undefined
        ? registerClient({ issuer: local.issuer, ...described })
        : (async () => clientMetadataDocument({ clientId, ...described }))()
    expectReason(attack, await codeOf(work))
  })
})

test('nobody came to see the attacker', () => {
  expect(visits).toBe(0)
})
