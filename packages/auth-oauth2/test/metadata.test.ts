import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttp } from '../src/http/http.ts'
import { fetchMetadata, metadataUrls } from '../src/issuer/metadata.ts'
import type { FetchFunction } from '../src/types.ts'
import { type LocalIssuer, startLocalIssuer } from './local-issuer.ts'

let local: LocalIssuer
beforeAll(async () => {
  local = await startLocalIssuer('/tenant/a')
})
afterAll(() => local.stop())

const issuer = 'https://id.example'
const answering = (documents: Record<string, unknown>): ReturnType<typeof createHttp> => {
  const fetch: FetchFunction = async (url) => {
    const document = documents[new URL(url).pathname]
    if (typeof document === 'number') return new Response(null, { status: document })
    return document === undefined ? new Response(null, { status: 404 }) : Response.json(document)
  }
  return createHttp(fetch)
}
const root = '/.well-known/oauth-authorization-server'
const openid = '/.well-known/openid-configuration'

test('where documents are looked for, with a path and without', () => {
  const urls = (text: string) => metadataUrls(new URL(text)).map(String)
  expect(urls('https://id.example')).toEqual([`https://id.example${root}`, `https://id.example${openid}`])
  expect(urls('https://id.example/a/b/')).toEqual([
    `https://id.example${root}/a/b`,
    `https://id.example${openid}/a/b`,
    `https://id.example/a/b${openid}`,
  ])
})

test('an issuer with a path is found', async () => {
  const http = createHttp(undefined)
  const metadata = await fetchMetadata(local.issuer, http, 5000)
  expect(metadata.endpoints.jwks?.pathname).toBe('/jwks')
  expect(local.requests).toEqual([`GET ${root}/tenant/a`])
  http.close()
})

test('the document must be that of the issuer, to the letter', async () => {
  for (const other of [
    'https://id.example/',
    'https://ID.example',
    'http://id.example',
    'https://evil.example',
    undefined,
    [issuer],
  ]) {
    const http = answering({ [root]: { issuer: other }, [openid]: { issuer } })
    await expect(fetchMetadata(issuer, http, 5000)).rejects.toMatchObject({
      code: 'ERR_OAUTH2_METADATA',
      fault: 'invalid',
    })
  }
})

test('endpoints must be https, and must not point into this machine', async () => {
  for (const url of [
    'http://id.example/jwks',
    'http://127.0.0.1/jwks',
    'http://localhost:1/',
    'http://169.254.169.254/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://user:pw@id.example/',
    'https://id.example/#x',
    '/jwks',
    7,
  ]) {
    const http = answering({ [root]: { issuer, jwks_uri: url } })
    await expect(fetchMetadata(issuer, http, 5000)).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  }
})

test('one place that fails does not hide the other; if all fail, an outage is told apart from an absence', async () => {
  const good = { issuer, token_endpoint: 'https://id.example/token', code_challenge_methods_supported: ['S256', 7] }
  expect(await fetchMetadata(issuer, answering({ [root]: 500, [openid]: good }), 5000)).toMatchObject({
    codeChallengeMethods: ['S256'],
  })
  await expect(fetchMetadata(issuer, answering({ [root]: 503 }), 5000)).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNAVAILABLE',
  })
  await expect(fetchMetadata(issuer, answering({}), 5000)).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  await expect(fetchMetadata(issuer, answering({ [root]: [], [openid]: 302 }), 5000)).rejects.toMatchObject({
    code: 'ERR_OAUTH2_METADATA',
  })
})
