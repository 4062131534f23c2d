// What is measured: each case makes a function that checks one token and answers whether that ended as it should, or a promise of it.
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, createLocalJWKSet, exportJWK, exportSPKI, importJWK, jwtVerify, SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import { createTokenVerifier } from '../dist/index.js'

const issuer = 'https://id.example.com'
const resource = 'https://mcp.example.com/mcp'
const TOKENS = 500

const kinds = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}

/** An issuer's key and tokens that it signed, as many as asked for. */
const issue = async (alg, count, more = {}) => {
  const { privateKey, publicKey } = kinds[alg]()
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg, use: 'sig' }
  const tokens = []
  for (let nth = 0; nth < count; nth++) {
    const claims = { scope: 'mcp:server:access mcp:tool:get_time', client_id: 'app', jti: `${nth}`, ...more }
    const jwt = new SignJWT(claims).setProtectedHeader({ alg, kid: 'k', typ: 'at+jwt' })
    tokens.push(
      await jwt
        .setIssuer(issuer)
        .setAudience(resource)
        .setSubject('alice')
        .setIssuedAt()
        .setExpirationTime('6h')
        .sign(privateKey),
    )
  }
  return { jwk, publicKey, tokens, at: (nth) => tokens[nth % tokens.length] }
}

const jwksFetch = (jwk) => async () => Response.json({ keys: [jwk] })

const ours = async (alg, cached) => {
  const { jwk, tokens, at } = await issue(alg, TOKENS)
  const verifier = createTokenVerifier({
    resource,
    issuers: [{ issuer, endpoints: { jwks: `${issuer}/jwks` } }],
    fetch: jwksFetch(jwk),
    cache: cached ? {} : { maxEntries: 0, maxNegativeEntries: 0 },
  })
  for (const token of tokens) await verifier.verify(token)
  return cached ? (nth) => verifier.verify(at(nth)).ok : async (nth) => (await verifier.verify(at(nth))).ok
}

const options = (alg) => ({
  issuer,
  audience: resource,
  algorithms: [alg],
  typ: 'at+jwt',
  requiredClaims: ['exp', 'sub', 'client_id', 'iat', 'jti'],
})

const withJose = async (alg) => {
  const { jwk, at } = await issue(alg, TOKENS)
  const key = await importJWK(jwk, alg)
  return async (nth) => (await jwtVerify(at(nth), key, options(alg))).payload.sub === 'alice'
}

const withJoseSet = async (alg) => {
  const { jwk, at } = await issue(alg, TOKENS)
  const keys = createLocalJWKSet({ keys: [jwk] })
  return async (nth) => (await jwtVerify(at(nth), keys, options(alg))).payload.sub === 'alice'
}

const withOauth4webapi = async (alg) => {
  const { jwk, at } = await issue(alg, TOKENS)
  const as = { issuer, jwks_uri: `${issuer}/jwks` }
  const more = { [oauth.jwksCache]: {}, [oauth.customFetch]: jwksFetch(jwk), signingAlgorithms: [alg] }
  return async (nth) => {
    const request = new Request(resource, { headers: { authorization: `Bearer ${at(nth)}` } })
    return (await oauth.validateJwtAccessToken(as, request, resource, more)).sub === 'alice'
  }
}

const withExpress = async (alg) => {
  const { createServer } = await import('node:http')
  const { auth } = await import('express-oauth2-jwt-bearer')
  const { jwk, at } = await issue(alg, TOKENS)
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const jwksUri = `http://127.0.0.1:${server.address().port}/jwks`
  const check = auth({ issuer, audience: resource, jwksUri, tokenSigningAlg: alg, strict: true })
  return (nth) =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${at(nth)}`, host: 'mcp.example.com' }
      const where = { method: 'POST', protocol: 'https', originalUrl: '/mcp', query: {} }
      const request = { ...where, headers, is: () => false, get: (name) => headers[name.toLowerCase()] }
      check(request, {}, (error) => resolve(error === undefined && request.auth.payload.sub === 'alice'))
    })
}

const withFastJwt = async (alg) => {
  const { createVerifier } = await import('fast-jwt')
  const { publicKey, at } = await issue(alg, TOKENS)
  const verify = createVerifier({
    key: await exportSPKI(publicKey),
    algorithms: [alg],
    cache: 10_000,
    allowedIss: issuer,
    allowedAud: resource,
    requiredClaims: ['exp', 'sub'],
  })
  return (nth) => verify(at(nth)).sub === 'alice'
}

/** Proofs are made beforehand: only their checking is measured. */
const proofs = async (count) => {
  const { privateKey, publicKey } = kinds.ES256()
  const jwk = await exportJWK(publicKey)
  const bound = await issue('ES256', 1, { cnf: { jkt: await calculateJwkThumbprint(jwk) } })
  const token = bound.at(0)
  const ath = createHash('sha256').update(token).digest('base64url')
  const made = []
  for (let nth = 0; nth < count; nth++) {
    const proof = new SignJWT({ jti: randomUUID(), htm: 'POST', htu: resource, ath }).setProtectedHeader({
      alg: 'ES256',
      typ: 'dpop+jwt',
      jwk,
    })
    made.push(await proof.setIssuedAt().sign(privateKey))
  }
  return { ...bound, token, at: (nth) => made[nth % made.length] }
}

/** Used proofs are remembered as ever, but those of the bench come again. */
const forgetful = () => ({ claim: () => true })

const ourProofs = async () => {
  const { jwk, token, at } = await proofs(TOKENS)
  const verifier = createTokenVerifier({
    resource,
    issuers: [{ issuer, endpoints: { jwks: `${issuer}/jwks` } }],
    fetch: jwksFetch(jwk),
    dpop: { maxAgeSec: 600, replay: forgetful() },
  })
  return async (nth) => {
    const dpop = { proof: at(nth), method: 'POST', url: resource }
    return (await verifier.verify(token, { scheme: 'dpop', dpop })).ok
  }
}

const proofsOfOauth4webapi = async () => {
  const { jwk, token, at } = await proofs(TOKENS)
  const as = { issuer, jwks_uri: `${issuer}/jwks` }
  const more = {
    [oauth.jwksCache]: {},
    [oauth.customFetch]: jwksFetch(jwk),
    requireDPoP: true,
    [oauth.clockTolerance]: 600,
  }
  return async (nth) => {
    const headers = { authorization: `DPoP ${token}`, dpop: at(nth) }
    const request = new Request(resource, { method: 'POST', headers })
    return (await oauth.validateJwtAccessToken(as, request, resource, more)).sub === 'alice'
  }
}

export const algorithms = Object.keys(kinds)

export const cases = {
  ...Object.fromEntries(
    algorithms.flatMap((alg) => [
      [`ours, cached, ${alg}`, () => ours(alg, true)],
      [`ours, uncached, ${alg}`, () => ours(alg, false)],
      [`jose, ${alg}`, () => withJose(alg)],
      [`jose with a key set, ${alg}`, () => withJoseSet(alg)],
      [`oauth4webapi, ${alg}`, () => withOauth4webapi(alg)],
      ...(alg === 'EdDSA' ? [] : [[`express-oauth2-jwt-bearer, ${alg}`, () => withExpress(alg)]]),
      [`fast-jwt with its cache, ${alg}`, () => withFastJwt(alg)],
    ]),
  ),
  'ours, proof': ourProofs,
  'oauth4webapi, proof': proofsOfOauth4webapi,
}
