import { expect, test } from 'vitest'
import { memoryTokenStore, tokenStoreOver } from '../src/index.ts'
import { createTokenSet } from '../src/client/token-set.ts'

const tokens = createTokenSet({
  accessToken: 'at',
  refreshToken: 'rt',
  tokenType: 'bearer',
  expiresAtMs: 7,
  scopes: ['a'],
  resource: 'https://a.example',
})
const texts = () => {
  const kept = new Map<string, string>()
  return {
    kept,
    get: async (key: string) => kept.get(key),
    set: async (key: string, text: string) => void kept.set(key, text),
    delete: async (key: string) => void kept.delete(key),
  }
}

test.each([
  ['memory', () => memoryTokenStore()],
  ['text', () => tokenStoreOver(texts())],
])('tokens come back from %s as they went in', async (_name, make) => {
  const store = make()
  expect(await store.load('k')).toBeUndefined()
  await store.save('k', tokens)
  const back = await store.load('k')
  expect([back?.accessToken, back?.refreshToken, JSON.stringify(back)]).toEqual(['at', 'rt', JSON.stringify(tokens)])
  expect(await store.load('other')).toBeUndefined()
  await store.delete('k')
  expect(await store.load('k')).toBeUndefined()
})

test('kept text that is none of ours is an error that does not repeat it', async () => {
  const own = texts()
  const store = tokenStoreOver(own)
  for (const text of [
    '',
    'secret',
    '[]',
    'null',
    '{"v":2}',
    '{"v":1,"accessToken":"secret"}',
    '{"v":1,"accessToken":"secret","tokenType":"bearer","scopes":[1]}',
  ]) {
    own.kept.set('k', text)
    const error = await store.load('k').catch((one: unknown) => one as Error)
    expect(error).toMatchObject({ code: 'ERR_OAUTH2_OPTIONS' })
    expect(String(error)).not.toContain('secret')
  }
})
