import { describe, expect, it } from 'vitest'
import { openRedis, RedisLinkError } from '../src/index.ts'
import { parseRedisUrl } from '../src/options.ts'

const failure = (act: () => unknown): RedisLinkError => {
  try {
    act()
  } catch (error) {
    if (error instanceof RedisLinkError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parseRedisUrl', () => {
  it.each([
    ['redis://127.0.0.1', { host: '127.0.0.1', port: 6379, db: 0, tls: false }],
    ['redis://[::1]:7000/3', { host: '::1', port: 7000, db: 3, tls: false }],
    ['rediss://cache.example.com/', { host: 'cache.example.com', port: 6379, db: 0, tls: true }],
    ['rediss://app:p%40ss%2F@h:1', { host: 'h', port: 1, db: 0, tls: true, username: 'app', password: 'p@ss/' }],
    ['redis://:only@localhost', { host: 'localhost', port: 6379, db: 0, tls: false, password: 'only' }],
  ])('%s', (url, endpoint) => {
    expect(parseRedisUrl(url)).toEqual(endpoint)
  })

  it.each([
    undefined,
    5,
    '',
    'localhost:6379',
    'http://:hush-hush@localhost',
    'redis://',
    'redis:///1',
    'redis://:hush-hush@h/x',
    'redis://:hush-hush@h/1/2',
    'redis://:hush-hush@h/123456',
    'redis://:hush-hush@h?password=hush-hush',
    'redis://:hush-hush@h#a',
    'redis://:hush-hush%ff@h',
    'redis://:hush-hush@h:99999',
  ])('%j is refused and not repeated', (url) => {
    const error = failure(() => parseRedisUrl(url))
    expect(error).toMatchObject({ code: 'ERR_REDIS_OPTIONS', fault: 'invalid' })
    expect(String(error.stack)).not.toContain('hush-hush')
  })
})

describe('openRedis refuses', () => {
  it.each([
    'redis://10.0.0.5',
    'redis://redis',
    'redis://:hush-hush@cache.example.com',
    'redis://127.0.0.1.example.com',
    'redis://localhost.example.com',
    'redis://[::2]',
    'redis://0.0.0.0',
    'redis://128.0.0.1',
  ])('plain text to %s', (url) => {
    const error = failure(() => openRedis({ url }))
    expect(error).toMatchObject({ code: 'ERR_REDIS_PLAINTEXT', fault: 'invalid' })
    expect(String(error.stack)).not.toContain('hush-hush')
  })

  it.each([
    ['unknown field "uri"', { uri: 'redis://localhost' }],
    ['either', {}],
    ['either', { url: 'redis://localhost', client: { duplicate: () => ({}) } }],
    ['client of ioredis', { client: {} }],
    ['client of ioredis', { client: { duplicate: () => ({}) } }],
    ['commandTimeoutMs', { url: 'redis://localhost', commandTimeoutMs: 0 }],
    ['commandTimeoutMs', { url: 'redis://localhost', commandTimeoutMs: 1.5 }],
    ['dangerouslyAllowPlaintextRedis', { url: 'redis://h', dangerouslyAllowPlaintextRedis: 'yes' }],
    ['onEvent', { url: 'redis://localhost', onEvent: 1 }],
    ['an object', null],
  ])('%s: %j', (problem, options) => {
    const error = failure(() => openRedis(options as never))
    expect(error).toMatchObject({ code: 'ERR_REDIS_OPTIONS', fault: 'invalid' })
    expect(error.message).toContain(problem)
  })
})
