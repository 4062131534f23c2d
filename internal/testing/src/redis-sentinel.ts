import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { end, freePort, launch, type RedisServer, startRedis } from './redis.ts'
import { respCall } from './resp.ts'

export interface RedisSentinelOptions {
  /** Default 1. */
  readonly replicas?: number
  /** When a sentinel takes a server that does not answer for down. Default 500. */
  readonly downAfterMs?: number
}

export interface RedisSentinel {
  /** Three of them, of which two must agree. */
  readonly sentinels: readonly { readonly host: string; readonly port: number }[]
  /** What they call the master. */
  readonly name: string
  /** First the master of the beginning, then its replicas. */
  readonly servers: readonly RedisServer[]
  /** Who is master now, as most of the sentinels see it. */
  master(): Promise<RedisServer>
  /** SIGSTOP and SIGCONT for one sentinel: it accepts connections and does not speak. */
  freezeSentinel(index: number): void
  thawSentinel(index: number): void
  stop(): Promise<void>
}

const NAME = 'portcullis'
const SENTINELS = 3
const QUORUM = 2

const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
  for (const begun = Date.now(); Date.now() - begun < 30_000; ) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`the sentinels did not come to be: ${what}`)
}

/** Sentinels keep what they learn in their file. */
const startSentinel = async (dir: string, masterPort: number, downAfterMs: number) => {
  const port = await freePort()
  const file = join(dir, `sentinel-${port}.conf`)
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    `sentinel failover-timeout ${NAME} 3000`,
    `sentinel parallel-syncs ${NAME} 1`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return { port, process: await launch(port, [file, '--sentinel']) }
}

/** Starts a master, its replicas and three sentinels on free loopback ports; resolves when these would fail over. All end with this process at the latest. */
export const startRedisSentinel = async (options: RedisSentinelOptions = {}): Promise<RedisSentinel> => {
  const { replicas = 1, downAfterMs = 500 } = options
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-sentinel-'))
  const servers: RedisServer[] = []
  const sentinels: { port: number; process: ChildProcess }[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(sentinels.map((one) => end(one.process)))
    await Promise.all(servers.map((server) => server.stop()))
    rmSync(dir, { recursive: true, force: true })
  }

  const ask = async (port: number, ...words: string[]): Promise<unknown> => respCall(port, ['SENTINEL', ...words, NAME])
  const sees = async ({ port }: { port: number }): Promise<boolean> => {
    const others = (await ask(port, 'SENTINELS')) as unknown[]
    const found = (await ask(port, 'REPLICAS')) as string[][]
    const quorum = String(await ask(port, 'CKQUORUM'))
    const linked = found.filter((fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok')
    return others.length === SENTINELS - 1 && linked.length === replicas && quorum.startsWith('OK')
  }

  try {
    const diskless = ['--repl-diskless-sync-delay', '0']
    servers.push(await startRedis({ args: diskless }))
    const { port } = servers[0] as RedisServer
    for (let index = 0; index < replicas; index++) {
      servers.push(await startRedis({ args: [...diskless, '--replicaof', `127.0.0.1 ${port}`] }))
    }
    for (let index = 0; index < SENTINELS; index++) sentinels.push(await startSentinel(dir, port, downAfterMs))
    await until(async () => (await Promise.all(sentinels.map(sees))).every(Boolean), 'they do not see each other')
  } catch (error) {
    await stop()
    throw error
  }
  return {
    sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    name: NAME,
    servers,
    master: async () => {
      const said = sentinels.map(async ({ port }) => ((await ask(port, 'GET-MASTER-ADDR-BY-NAME')) as string[])[1])
      const ports = (await Promise.allSettled(said)).flatMap((one) =>
        one.status === 'fulfilled' ? [Number(one.value)] : [],
      )
      const votes = (server: RedisServer) => ports.filter((port) => port === server.port).length
      return servers.toSorted((a, b) => votes(b) - votes(a))[0] as RedisServer
    },
    freezeSentinel: (index) => void sentinels[index]?.process.kill('SIGSTOP'),
    thawSentinel: (index) => void sentinels[index]?.process.kill('SIGCONT'),
    stop,
  }
}
