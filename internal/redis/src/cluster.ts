import { withDeadline } from './deadline.ts'
import type { RedisClientLike } from './options.ts'
import { type RawClient, retryDelay } from './raw.ts'

const MAX_REDIRECTIONS = 16

type Duplicate = (nodes: never[], options: object) => RawClient

/** Opens a Cluster of our own like a Cluster of ioredis; `own` are the settings of it and of each of its connections. */
export const openCluster = (target: RedisClientLike, own: object, commandTimeoutMs: number): RawClient => {
  const theirs = (target as { options?: { redisOptions?: object } }).options?.redisOptions
  return (target.duplicate as unknown as Duplicate).call(target, [], {
    ...own,
    // It would ask without end a node that hangs; `pingMasters` does not.
    enableReadyCheck: false,
    scaleReads: 'master',
    clusterRetryStrategy: retryDelay,
    // A node that is lost is found again by asking the others, who may know its successor.
    clusterNodeRetryStrategy: null,
    // Above 0 a command whose connection was lost would be sent again.
    retryDelayOnFailover: 0,
    // These were refused, but above 0 they would wait for longer than anybody waits for them.
    retryDelayOnClusterDown: 0,
    retryDelayOnMoved: 0,
    // Keys of one script are on both sides of a move: all tries together take no longer than the deadline.
    maxRedirections: MAX_REDIRECTIONS,
    retryDelayOnTryAgain: Math.ceil(commandTimeoutMs / MAX_REDIRECTIONS),
    // Not lazy, that is: otherwise the first command to a node would wait for its connection, whatever its deadline.
    redisOptions: { ...theirs, ...own },
  })
}

/**
 * Asks every master for an answer and gives up the connections that have none within `ms`: then other nodes are asked who serves their slots. Resolves when all
 * have answered or failed, rejects when none has answered.
 */
export const pingMasters = async (masters: readonly RawClient[], ms: number): Promise<unknown> => {
  const answers = masters.map((node) =>
    withDeadline(node.call('ping'), ms, () => {
      node.disconnect()
      return new Error('a node does not answer')
    }),
  )
  await Promise.allSettled(answers)
  return Promise.any(answers).catch((none) => answers[0] ?? Promise.reject(none))
}
