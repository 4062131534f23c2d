import { lookup } from 'node:dns/promises'
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { createHttp } from '../src/http/http.ts'
import { checkHost, publicLookup } from '../src/http/public-host.ts'

const resolve = (host: string, all: boolean): Promise<unknown> =>
  new Promise((done, fail) => {
    publicLookup(host, { all }, (error, address) => (error === null ? done(address) : fail(error)))
  })

test('a name is refused by what it resolves to', async () => {
  const names = ['localhost']
  // What this machine calls itself leads to itself or into its network.
  const own = await lookup(hostname()).catch(() => undefined)
  if (own !== undefined) names.push(hostname())
  for (const name of names) {
    for (const all of [true, false]) {
      await expect(resolve(name, all)).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
    }
  }
})

test('an address that is written out is refused before anything is sent', () => {
  for (const host of ['127.0.0.1', '[::1]', '10.1', 'localhost', 'a.localhost', 'LOCALHOST.']) {
    expect(() => checkHost(new URL(`https://${host}/`)), host).toThrow(
      expect.objectContaining({ code: 'ERR_OAUTH2_METADATA' }),
    )
  }
  for (const host of ['8.8.8.8', '[2606:4700::1111]', 'example.com', 'localhost.example'])
    checkHost(new URL(`https://${host}/`))
})

test('a connection looks at the address that it goes to', async () => {
  const http = createHttp(undefined)
  const request = { method: 'GET', headers: {}, maxBytes: 10, timeoutMs: 1000, repeatable: true } as const
  const own = await lookup(hostname()).catch(() => undefined)
  if (own !== undefined) {
    const sent = http.send({ ...request, url: new URL(`http://${hostname()}:1/`), foreign: true })
    await expect(sent).rejects.toMatchObject({ code: 'ERR_OAUTH2_METADATA' })
  }
  await expect(http.send({ ...request, url: new URL('http://127.0.0.1:1/') })).rejects.toMatchObject({
    code: 'ERR_OAUTH2_UNAVAILABLE',
  })
  http.close()
})
