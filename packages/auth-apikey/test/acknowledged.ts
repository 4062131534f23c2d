import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export const isLong = process.env['PORTCULLIS_LONG'] === '1'

/** What a writer says after each change that was promised to stand, one JSON object a line. */
export type Said =
  | { readonly did: 'create'; readonly id: string; readonly key: string }
  | { readonly did: 'child'; readonly id: string; readonly key: string; readonly parent: string }
  | { readonly did: 'rotate'; readonly id: string; readonly key: string; readonly replaces: string }
  | { readonly did: 'update'; readonly id: string; readonly field: string }
  | { readonly did: 'disable' | 'revoke'; readonly id: string }

/** A program in real Node over the built package, as `lib` and, of its part for Redis, `redisStore`. What it prints, line by line as it comes. */
export const startProgram = (body: string) => {
  const url = (name: string) => JSON.stringify(new URL(`../dist/${name}.js`, import.meta.url).href)
  const code = `import { writeSync } from 'node:fs'
import * as lib from ${url('index')}
import { redisStore } from ${url('redis')}
const say = (what) => writeSync(1, JSON.stringify(what) + '\\n')
${body}`
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout?.on('data', (chunk) => (text += String(chunk)))
  const closed = once(child, 'close')
  return {
    child,
    closed,
    /** Whole lines so far; what a kill has cut short is none. */
    said: <T = Said>(): T[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as T),
    tell: (line: string) => child.stdin?.write(`${line}\n`),
    kill: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Everything that changes keys, mixed, for ever: each step says what it did when its promise is fulfilled, and not before. */
export const writeForEver = (store: string): string => `
const keys = lib.createApiKeys({ store: ${store}, lastUseIntervalMs: 1000 })
const mine = []
const pick = () => mine[Math.floor(Math.random() * mine.length)]
for (let n = 0; ; n++) {
  const one = pick()
  const kind = one === undefined || n < 3 ? 'create' : ['create', 'rotate', 'rotate', 'update', 'revoke', 'disable', 'child'][n % 7]
  if (kind === 'create') {
    const made = await keys.create({ name: process.pid + '-' + n, grants: ['admin:delegate', 'get_*'] })
    mine.push({ id: made.record.id, n: 0 })
    say({ did: 'create', id: made.record.id, key: made.key })
    keys.verify(made.key)
  } else if (kind === 'child') {
    const made = await keys.issueChild({ idOrName: one.id }, { name: process.pid + '-' + n, grants: ['get_*'] })
    say({ did: 'child', id: made.record.id, key: made.key, parent: one.id })
  } else if (kind === 'rotate') {
    const made = await keys.rotate(one.id, { overlapMs: n % 2 ? 0 : 60_000 })
    say({ did: 'rotate', id: made.record.id, key: made.key, replaces: one.id })
    one.id = made.record.id
  } else if (kind === 'update') {
    await keys.update(one.id, { metadata: { ['f' + ++one.n]: 'x' } })
    say({ did: 'update', id: one.id, field: 'f' + one.n })
  } else {
    await keys[kind](one.id)
    mine.splice(mine.indexOf(one), 1)
    say({ did: kind, id: one.id })
  }
}`
