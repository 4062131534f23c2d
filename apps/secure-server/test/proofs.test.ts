import { startRedis } from '@portcullis-internal/testing'
import { createOAuthClient, type OAuthClient, type TokenSet } from '@portcullis/auth-oauth2'
import { X509Certificate } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../../packages/auth-oauth2/test/authorization-server.ts'
import { makeJwt, sha256Of, startLocalIssuer } from '../../../packages/auth-oauth2/test/local-issuer.ts'
import { certify } from './certificate.ts'
import { call, post, start } from './support.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const resources: string[] = []
const scopes = ['mcp:server:access', 'mcp:tool:get_time']
let as: AuthorizationServer
let client: OAuthClient
const names = (url: string): void => {
  for (const name of ['127.0.0.1', 'localhost', '[::1]']) resources.push(`http://${name}:${new URL(url).port}/mcp`)
}
beforeAll(async () => {
  as = await startAuthorizationServer({ resources })
  const { issuer, clientId, clientSecret } = as
  client = createOAuthClient({ issuer, clientId, clientSecret, dpop: true, scopes })
})
afterAll(async () => {
  client.close()
  await as.stop()
})

const startServer = async (dpop: object, more: object = {}) => {
  const server = await start({
    files: { 'portcullis.json': { auth: { oauth2: { issuers: [{ issuer: as.issuer }], dpop } }, ...more } },
  })
  names(server.url)
  return server
}
const proven = async ({ accessToken }: TokenSet, url: string, nonce?: string, at = url) => ({
  authorization: `DPoP ${accessToken}`,
  dpop: await client.dpopProof({ method: 'POST', url: at, accessToken, ...(nonce === undefined ? {} : { nonce }) }),
})

it('a token that is bound to a key is taken with a proof for this request, once', async () => {
  const { url } = await startServer({})
  const tokens = await client.clientCredentials({ resource: url })
  const headers = await proven(tokens, url)
  expect((await post(url, undefined, call('get_time'), headers)).status).toBe(200)

  const again = await post(url, undefined, call('get_time'), headers)
  expect(again.status).toBe(401)
  expect(again.headers.get('www-authenticate')).toMatch(
    /^DPoP error="invalid_dpop_proof", scope="mcp:server:access", resource_metadata="/,
  )
  const elsewhere = await proven(tokens, url, undefined, `${url}/other`)
  expect((await post(url, undefined, call('get_time'), elsewhere)).status).toBe(401)
  const stolen = await post(url, undefined, call('get_time'), { authorization: `Bearer ${tokens.accessToken}` })
  expect([stolen.status, stolen.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringMatching(/^Bearer error="invalid_token"/),
  ])
  const none = await post(url, undefined, call('get_time'), { authorization: `DPoP ${tokens.accessToken}` })
  expect(none.status).toBe(401)
  // What is no token of that kind is not one by being called so.
  const plain = await as.token(scopes, url)
  expect((await post(url, undefined, call('get_time'), { ...headers, authorization: `DPoP ${plain}` })).status).toBe(
    401,
  )
  const key = await post(url, undefined, call('get_time'), { authorization: 'DPoP pck_live_notakey' })
  expect(key.status).toBe(401)
})

it('a stream that was opened with a proof stays open', async () => {
  const { url } = await startServer({})
  const tokens = await client.clientCredentials({ resource: url })
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  }
  const begun = await post(url, undefined, initialize, await proven(tokens, url))
  const session = begun.headers.get('mcp-session-id') as string
  const { accessToken } = tokens
  const opened = new AbortController()
  const stream = await fetch(url, {
    signal: opened.signal,
    headers: {
      accept: 'text/event-stream',
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-11-25',
      authorization: `DPoP ${accessToken}`,
      dpop: await client.dpopProof({ method: 'GET', url, accessToken }),
    },
  })
  expect(stream.status).toBe(200)
  let ended = false
  const read = (stream.body as ReadableStream).getReader()
  const reading = (async () => {
    while (!(await read.read()).done);
    ended = true
  })().catch(() => undefined)
  // Streams are looked at every second.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  expect(ended).toBe(false)
  opened.abort()
  await reading
})

it('proofs with a nonce of this server', async () => {
  const { url } = await startServer({ mode: 'require', nonce: true })
  const tokens = await client.clientCredentials({ resource: url })
  const without = await post(url, undefined, call('get_time'), await proven(tokens, url))
  const nonce = without.headers.get('dpop-nonce') ?? ''
  expect([without.status, without.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('error="use_dpop_nonce"'),
  ])
  const good = await post(url, undefined, call('get_time'), await proven(tokens, url, nonce))
  expect([good.status, good.headers.get('dpop-nonce')]).toEqual([200, nonce])
  const bearer = await as.token(scopes, url)
  expect((await post(url, undefined, call('get_time'), { authorization: `Bearer ${bearer}` })).status).toBe(401)
})

it('two servers on one Redis take a proof once', async () => {
  const redis = await startRedis()
  const shared = {
    redis: { url: redis.url, commandTimeoutMs: 5000 },
    listen: { publicUrl: 'http://127.0.0.1:4321/mcp', allowedHosts: ['127.0.0.1'] },
  }
  const url = shared.listen.publicUrl
  resources.push(url)
  const one = await startServer({}, shared)
  const other = await startServer({}, shared)
  const tokens = await client.clientCredentials({ resource: url })
  const headers = await proven(tokens, url)
  const statuses = []
  for (const server of [one, other])
    statuses.push((await post(server.url, undefined, call('get_time'), headers)).status)
  expect(statuses).toEqual([200, 401])
  await redis.stop()
  expect((await post(one.url, undefined, call('get_time'), await proven(tokens, url))).status).toBe(503)
})

it('a token that is bound to a certificate is taken on a connection with it alone', async () => {
  const authority = certify('an authority')
  const [own, client1, client2] = [certify('server', authority), certify('one', authority), certify('other', authority)]
  const local = await startLocalIssuer()
  const server = await start({
    files: {
      'tls.pem': own.cert,
      'tls.key': own.key,
      'ca.pem': authority.cert,
      'portcullis.json': {
        listen: { tls: { cert: 'tls.pem', key: 'tls.key', clientCa: 'ca.pem' } },
        auth: { oauth2: { issuers: [{ issuer: local.issuer }] } },
      },
    },
  })
  const aud = server.url
  const token = makeJwt({
    payload: local.claims({ aud, cnf: { 'x5t#S256': sha256Of(new X509Certificate(client1.cert).raw) } }),
  })
  const statusWith = (certificate: { cert: string; key: string }) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = {
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: `Bearer ${token}`,
      }
      const sent = httpsRequest(
        server.url,
        { method: 'POST', headers, ca: authority.cert, ...certificate, agent: false },
        (answer) => {
          answer.resume()
          resolve(answer.statusCode)
        },
      )
      sent.on('error', reject).end(JSON.stringify(call('get_time')))
    })
  expect([await statusWith(client1), await statusWith(client2)]).toEqual([200, 401])
  await local.stop()
})
