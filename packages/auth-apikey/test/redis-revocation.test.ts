import { randomBytes } from 'node:crypto'
import { type RedisServer, startProxy, startRedis, type TcpProxy } from '@portcullis-internal/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ApiKeys, createApiKeys } from '../src/index.ts'
import { redisStore } from '../src/redis.ts'
import { isLong, startProgram } from './acknowledged.ts'

const CHANGES = isLong ? 1000 : 60
const AT_ONCE = 20
const WITHIN_MS = 1000
const PROCESSES = 3
const integrityKey = randomBytes(32)

/** What a process saw of a key: how often and when last (as the call began) each outcome was, `ok` with the right that is to be lost. */
type Seen = Readonly<Record<string, Readonly<Record<string, { readonly count: number; readonly lastMs: number }>>>>
type Heard = { readonly ready: number } | { readonly seen: Seen }

/** Verifies all that it watches, over and over, as fast as it can, with the defaults for staleness. */
const consumer = (url: string): string => `
const store = redisStore({ url: '${url}', commandTimeoutMs: 500 }, { integrityKey: Buffer.from('${integrityKey.toString('hex')}', 'hex') })
const keys = lib.createApiKeys({ store, lastUseIntervalMs: false })
let texts = [], seen = {}, told = 0
process.stdin.setEncoding('utf8')
let input = ''
process.stdin.on('data', (chunk) => {
  input += chunk
  const lines = input.split('\\n')
  input = lines.pop()
  for (const line of lines) {
    const { watch, report } = JSON.parse(line)
    if (watch) { texts = watch; seen = Object.fromEntries(texts.map((text) => [text, {}])); told = 0 }
    if (report) say({ seen })
  }
})
const note = (into, outcome, began) => {
  const one = (into[outcome] ??= { count: 0, lastMs: 0 })
  one.count++
  one.lastMs = Math.max(one.lastMs, began)
}
const outcomeOf = (result) => (!result.ok ? result.reason : result.principal.grants.includes('get_*') ? 'ok' : 'less')
for (;;) {
  await Promise.all(texts.map(async (text) => {
    const [into, began] = [seen[text], Date.now()]
    try {
      const result = keys.verify(text)
      note(into, outcomeOf(result instanceof Promise ? await result : result), began)
    } catch (error) {
      note(into, error.code, began)
    }
  }))
  const ready = texts.filter((text) => seen[text].ok !== undefined).length
  if (ready !== told) say({ ready: (told = ready) })
  await new Promise((resolve) => setImmediate(resolve))
}`

let server: RedisServer
let admin: ApiKeys
const proxies: TcpProxy[] = []
const programs: ReturnType<typeof startProgram>[] = []
const ends: (() => unknown)[] = []
beforeAll(async () => {
  server = await startRedis()
  const store = redisStore({ url: server.url, commandTimeoutMs: 5000 }, { integrityKey })
  admin = createApiKeys({ store })
  for (let i = 0; i < PROCESSES; i++) {
    const proxy = await startProxy(server.port)
    proxies.push(proxy)
    programs.push(startProgram(consumer(proxy.url)))
  }
  ends.push(
    ...programs.map((program) => program.kill),
    ...proxies.map((proxy) => proxy.stop),
    () => store.close(),
    () => server.stop(),
  )
})
afterAll(async () => {
  for (const end of ends) await end()
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
let names = 0
const fresh = () => `key ${++names}`

/** Ways to take something away: the text that loses it, and what is awaited. Afterwards `lost` is the outcome, or the store cannot say. */
const losses: (() => Promise<{ text: string; lost: string; take: () => Promise<unknown> }>)[] = [
  async () => {
    const { key, record } = await admin.create({ name: fresh(), grants: ['get_*'] })
    return { text: key, lost: 'revoked', take: () => admin.revoke(record.id) }
  },
  async () => {
    const { key, record } = await admin.create({ name: fresh(), grants: ['get_*'] })
    return { text: key, lost: 'disabled', take: () => admin.disable(record.id) }
  },
  async () => {
    const { key, record } = await admin.create({ name: fresh(), grants: ['get_*'] })
    return { text: key, lost: 'rotated', take: () => admin.rotate(record.id, { overlapMs: 0 }) }
  },
  async () => {
    const { key, record } = await admin.create({ name: fresh(), grants: ['get_*'] })
    return { text: key, lost: 'less', take: () => admin.update(record.id, { grants: ['list_*'] }) }
  },
  async () => {
    const parent = await admin.create({ name: fresh(), grants: ['get_*', 'admin:delegate'] })
    const { key } = await admin.issueChild({ idOrName: parent.record.id }, { name: fresh(), grants: ['get_*'] })
    return { text: key, lost: 'parent', take: () => admin.revoke(parent.record.id) }
  },
]

const heard = (program: (typeof programs)[number]) => program.said<Heard>()
const watch = async (texts: readonly string[]): Promise<void> => {
  const before = programs.map((program) => heard(program).length)
  for (const program of programs) program.tell(JSON.stringify({ watch: texts }))
  await vi.waitFor(
    () => {
      for (const [i, program] of programs.entries()) {
        expect(heard(program).slice(before[i]).at(-1)).toEqual({ ready: texts.length })
      }
    },
    { timeout: 20_000, interval: 20 },
  )
}
const report = (): Promise<Seen[]> =>
  Promise.all(
    programs.map(async (program) => {
      const before = heard(program).length
      program.tell('{"report":true}')
      return vi.waitFor(
        () => {
          const last = heard(program)
            .slice(before)
            .find((one) => 'seen' in one)
          if (last === undefined || !('seen' in last)) throw new Error('nothing yet')
          return last.seen
        },
        { timeout: 10_000, interval: 10 },
      )
    }),
  )

let late = 0
let worstMs = Number.NEGATIVE_INFINITY
/** Takes from twenty keys at random moments while all processes use them; `trouble` begins with it. Answers what they saw, and when it began. */
const round = async (spreadMs: number, trouble: () => void = () => {}) => {
  const all = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => (losses[i % losses.length] ?? losses[0])?.()))
  const taken = all.filter((one) => one !== undefined)
  const control = await admin.create({ name: fresh(), grants: ['get_*'] })
  await watch([...taken.map(({ text }) => text), control.key])
  const beganMs = Date.now()
  trouble()
  const doneMs = new Map<string, number>()
  await Promise.all(
    taken.map(async ({ text, take }) => {
      await sleep(Math.random() * spreadMs)
      await take()
      doneMs.set(text, Date.now())
    }),
  )
  await sleep(WITHIN_MS + 300)
  const seen = await report()
  for (const [text, ms] of doneMs) {
    for (const one of seen) {
      const lagMs = (one[text]?.['ok']?.lastMs ?? 0) - ms
      worstMs = Math.max(worstMs, lagMs)
      if (lagMs > WITHIN_MS) late++
    }
  }
  expect(doneMs.size).toBe(AT_ONCE)
  return { taken, control: control.key, seen, beganMs }
}

/** Once all is well again everyone agrees. */
const agree = async (taken: readonly { text: string; lost: string }[], control: string): Promise<void> => {
  await vi.waitFor(
    async () => {
      const from = Date.now()
      await sleep(50)
      for (const seen of await report()) {
        const now = (text: string) =>
          Object.entries(seen[text] ?? {}).flatMap(([outcome, { lastMs }]) => (lastMs >= from ? [outcome] : []))
        for (const { text, lost } of taken) expect(now(text)).toEqual([lost])
        expect(now(control)).toEqual(['ok'])
      }
    },
    { timeout: 20_000, interval: 20 },
  )
}

const rounds = Math.ceil(CHANGES / AT_ONCE / 3)
const timeout = rounds * 30_000 + 30_000

describe(`three processes, ${CHANGES} changes that take something away`, () => {
  test('with everything well', { timeout }, async () => {
    for (let i = 0; i < rounds; i++) {
      const { taken, control, seen } = await round(400)
      expect(late, `worst ${worstMs} ms`).toBe(0)
      for (const one of seen) expect(Object.keys(one[control] ?? {})).toContain('ok')
      await agree(taken, control)
    }
  })

  test('with the link of one frozen: it refuses everything from 900 ms on', { timeout }, async () => {
    for (let i = 0; i < rounds; i++) {
      const frozen = i % PROCESSES
      const { taken, control, seen, beganMs } = await round(700, () => proxies[frozen]?.swallow())
      expect(late, `worst ${worstMs} ms`).toBe(0)
      for (const { text } of [...taken, { text: control }]) {
        const outcomes = seen[frozen]?.[text] ?? {}
        expect(Object.keys(outcomes).sort()).toEqual(['ERR_APIKEY_STORE', 'ok'])
        // The poll that was answered last had begun before; the rest is for two clocks that are read one after the other.
        expect((outcomes['ok']?.lastMs ?? 0) - beganMs).toBeLessThan(900 + (isLong ? 50 : 1000))
      }
      proxies[frozen]?.forget()
      proxies[frozen]?.cut()
      await agree(taken, control)
    }
  })

  test('with the link of one cut again and again', { timeout }, async () => {
    for (let i = 0; i < rounds; i++) {
      const broken = proxies[i % PROCESSES] as TcpProxy
      let timer: NodeJS.Timeout | undefined
      const { taken, control } = await round(700, () => {
        timer = setInterval(() => broken.cut(), 20 + Math.random() * 200)
      })
      clearInterval(timer)
      expect(late, `worst ${worstMs} ms`).toBe(0)
      await agree(taken, control)
    }
    if (isLong) console.log(`the last use of what was taken began ${worstMs} ms after the promise, at worst`)
  })
})
