import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const dist = (name: string) => new URL(`../dist/${name}`, import.meta.url)

it('ioredis is loaded when a connection is opened, not before', () => {
  const code = `import { createRequire } from 'node:module'
const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('ioredis'))
await import(${JSON.stringify(dist('index.js').href)})
const { createRedisRateLimiter } = await import(${JSON.stringify(dist('redis.js').href)})
const before = loaded()
const limits = [{ name: 'm', algorithm: 'window', limit: 1, windowMs: 1 }]
const limiter = createRedisRateLimiter({ url: 'redis://127.0.0.1:1', limits })
console.log(before, loaded())
await limiter.close()`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  expect(output).toBe('false true\n')
})

it('no import and no type needs it', () => {
  for (const name of ['index.js', 'redis.js', 'index.d.ts', 'redis.d.ts']) {
    expect(readFileSync(dist(name), 'utf8')).not.toMatch(/(from|import)\s*\(?['"]ioredis['"]/)
  }
})
