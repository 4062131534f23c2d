import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const dist = (name: string) => new URL(`../dist/${name}`, import.meta.url)

it('ioredis is loaded when a connection is opened, not before', () => {
  const code = `import { createRequire } from 'node:module'
const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('ioredis'))
await import(${JSON.stringify(dist('index.js').href)})
const { redisStore } = await import(${JSON.stringify(dist('redis.js').href)})
const before = loaded()
const store = redisStore({ url: 'redis://127.0.0.1:1' })
console.log(before, loaded())
await store.close()`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  expect(output).toBe('false true\n')
})

it('no import and no type needs it', () => {
  for (const name of ['index.js', 'redis.js', 'index.d.ts', 'redis.d.ts']) {
    expect(readFileSync(dist(name), 'utf8')).not.toMatch(/(from|import)\s*\(?['"]ioredis['"]/)
  }
})
