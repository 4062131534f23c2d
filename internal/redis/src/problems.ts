import { RedisLinkError } from './errors.ts'
import type { RedisLink } from './link.ts'

const field = (info: string, name: string): string | undefined =>
  info
    .split('\r\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.slice(name.length + 1)

/** What is wrong with how Redis is set up, one sentence each; empty when nothing is. A server that does not answer is one too. */
export const redisProblems = async (link: RedisLink): Promise<string[]> => {
  try {
    const info = String(await link.call('info', 'memory'))
    const policy = field(info, 'maxmemory_policy')
    if (policy === 'noeviction') return []
    return policy === undefined
      ? ['Redis does not tell its maxmemory-policy; it must be noeviction']
      : [`Redis may drop keys and revocations: maxmemory-policy is ${JSON.stringify(policy)}, it must be noeviction`]
  } catch (error) {
    if (error instanceof RedisLinkError) return [error.message]
    throw error
  }
}
