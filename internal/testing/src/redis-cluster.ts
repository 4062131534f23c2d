import { freePort, type RedisServer, startRedis } from './redis.ts'

const SLOTS = 16_384
/** A node talks to the others on its port and this. */
const BUS_OFFSET = 10_000

export interface RedisClusterOptions {
  /** Default 3. */
  readonly masters?: number
  /** Of each master. Default 0. */
  readonly replicas?: number
  /** Masters without slots. Default 0. */
  readonly spares?: number
  /** When a node that does not answer is taken for failed. Default 2000. */
  readonly nodeTimeoutMs?: number
  /** Further arguments of every `redis-server`. */
  readonly args?: readonly string[]
}

export interface RedisCluster {
  /** The masters in the order of their slots, then the replicas (those of the first master first), then the spares. */
  readonly nodes: readonly RedisServer[]
  readonly urls: readonly string[]
  /** One command to one node, on a connection of its own. */
  cli(node: number, ...args: readonly (string | number)[]): Promise<unknown>
  /** The slot of a key, by its hash tag if it has one. */
  slotOf(key: string): number
  /** Which node serves a slot, as the first node that answers sees it. */
  ownerOf(slot: number): Promise<number>
  /** Moves a slot with all its keys to another master while both serve it, as `redis-cli --cluster reshard` does. */
  moveSlot(slot: number, toNode: number): Promise<void>
  /** Begins the same and stops: what is created from now on is at the other node, and asked for by ASK. */
  beginMove(slot: number, toNode: number): Promise<SlotMove>
  /** Resolves when every node that answers says that the cluster is well and all agree on who serves what. */
  settled(): Promise<void>
  stop(): Promise<void>
}

export interface SlotMove {
  /** Moves keys that are still where they were, at most so many; resolves with how many it moved. */
  moveKeys(count?: number): Promise<number>
  /** Moves the rest and tells all nodes who serves the slot now. */
  finish(): Promise<void>
}

/** CRC-16/XMODEM. */
const crc16 = (bytes: Uint8Array): number => {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  }
  return crc & 0xffff
}

const slotOf = (key: string): number => {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1]
  return crc16(Buffer.from(tag ?? key)) % SLOTS
}

/** Below the ports whose bus would have none, and with a bus that is free too. */
const freeClusterPort = async (): Promise<number> => {
  for (let tries = 0; tries < 200; tries++) {
    const port = await freePort()
    if (port + BUS_OFFSET > 65_535) continue
    const bus = await freePort(port + BUS_OFFSET).catch(() => 0)
    if (bus !== 0) return port
  }
  throw new Error('no two free ports for a node of a cluster')
}

const until = async (holds: () => Promise<boolean>, what: string, timeoutMs = 30_000): Promise<void> => {
  for (const begun = Date.now(); Date.now() - begun < timeoutMs; ) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`the cluster did not come to be: ${what}`)
}

/** The ranges and ports of CLUSTER SLOTS, comparable between nodes. */
const view = async (node: RedisServer): Promise<[number, number, number][]> => {
  const ranges = (await node.cli('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
  return ranges.map(([from, to, [, port]]): [number, number, number] => [from, to, port]).sort((a, b) => a[0] - b[0])
}

/** Tells the nodes of each other, deals out the slots and attaches the replicas. */
const join = async (nodes: readonly RedisServer[], masters: number, replicas: number): Promise<void> => {
  const perMaster = Math.ceil(SLOTS / masters)
  for (const [index, node] of nodes.entries()) {
    await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    if (index >= masters) continue
    const end = Math.min(SLOTS, (index + 1) * perMaster)
    const slots = Array.from({ length: end - index * perMaster }, (_, nth) => index * perMaster + nth)
    await node.cli('CLUSTER', 'ADDSLOTS', ...slots)
  }
  for (const node of nodes.slice(1)) await nodes[0]?.cli('CLUSTER', 'MEET', '127.0.0.1', node.port)
  const known = async (node: RedisServer): Promise<boolean> => {
    const lines = String(await node.cli('CLUSTER', 'NODES'))
      .trim()
      .split('\n')
    return lines.length === nodes.length && !/handshake|noaddr/.test(lines.join())
  }
  await until(async () => (await Promise.all(nodes.map(known))).every(Boolean), 'the nodes do not know each other')
  const followers = nodes.slice(masters, masters * (1 + replicas))
  for (const [index, node] of followers.entries()) {
    const id = await nodes[Math.floor(index / replicas)]?.cli('CLUSTER', 'MYID')
    await node.cli('CLUSTER', 'REPLICATE', String(id))
  }
  const linked = async (node: RedisServer): Promise<boolean> =>
    String(await node.cli('INFO', 'replication')).includes('master_link_status:up')
  await until(async () => (await Promise.all(followers.map(linked))).every(Boolean), 'the replicas do not follow')
}

/** Starts a real Redis Cluster on free loopback ports and resolves when all of it serves. It ends with this process at the latest. */
export const startRedisCluster = async (options: RedisClusterOptions = {}): Promise<RedisCluster> => {
  const { masters = 3, replicas = 0, spares = 0, nodeTimeoutMs = 2000, args = [] } = options
  const timing = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)]
  const lone = ['--cluster-announce-ip', '127.0.0.1', '--repl-diskless-sync-delay', '0']
  const nodes: RedisServer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()))
  }

  const settled = (): Promise<void> =>
    until(async () => {
      const views = await Promise.all(
        nodes.map(async (node) => {
          const info = await node.cli('CLUSTER', 'INFO').catch(() => undefined)
          return info === undefined
            ? undefined
            : { ok: String(info).includes('cluster_state:ok'), slots: JSON.stringify(await view(node)) }
        }),
      )
      const seen = views.filter((one) => one !== undefined)
      return seen.every((one) => one.ok && one.slots === seen[0]?.slots)
    }, 'it does not settle')

  const ownerOf = async (slot: number): Promise<number> => {
    for (const node of nodes) {
      const ranges = await view(node).catch(() => [])
      const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2]
      if (port !== undefined) return nodes.findIndex((one) => one.port === port)
    }
    throw new Error(`nobody serves slot ${slot}`)
  }

  const beginMove = async (slot: number, toNode: number): Promise<SlotMove> => {
    const from = nodes[await ownerOf(slot)] as RedisServer
    const to = nodes[toNode] as RedisServer
    const [fromId, toId] = [String(await from.cli('CLUSTER', 'MYID')), String(await to.cli('CLUSTER', 'MYID'))]
    await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    const moveKeys = async (count = Number.MAX_SAFE_INTEGER): Promise<number> => {
      for (let moved = 0; ; ) {
        const size = Math.min(100, count - moved)
        const keys = size <= 0 ? [] : ((await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, size)) as string[])
        if (keys.length === 0) return moved
        await from.cli('MIGRATE', '127.0.0.1', to.port, '', 0, 5000, 'KEYS', ...keys)
        moved += keys.length
      }
    }
    return {
      moveKeys,
      finish: async () => {
        await moveKeys()
        // The one that serves it from now on first, so that at no moment nobody does.
        await to.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
        await from.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
        for (const node of nodes) await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId).catch(() => {})
      },
    }
  }

  try {
    for (let index = 0; index < masters * (1 + replicas) + spares; index++) {
      nodes.push(await startRedis({ args: [...timing, ...lone, ...args], choosePort: freeClusterPort }))
    }
    await join(nodes, masters, replicas)
    await settled()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    nodes,
    urls: nodes.map((node) => node.url),
    cli: (node, ...words) => (nodes[node] as RedisServer).cli(...words),
    slotOf,
    ownerOf,
    moveSlot: async (slot, toNode) => (await beginMove(slot, toNode)).finish(),
    beginMove,
    settled,
    stop,
  }
}
