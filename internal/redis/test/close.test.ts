import { describe, expect, it } from 'vitest'
import { startRedis } from '../../testing/src/index.ts'
import { openRedis } from '../src/index.ts'
import { libraries } from './support.ts'

describe('a link that was closed', () => {
  const resources = () =>
    process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|GetAddrInfo/.test(name) && name !== 'TCPServerWrap')
  const states = ['is used', 'is frozen', 'is gone', 'was never there'] as const

  it.each(libraries.flatMap(([name, create]) => states.map((state) => [name, state, create] as const)))(
    'of %s leaves nothing behind when its server %s',
    async (_name, state, create) => {
      const other = await startRedis()
      if (state === 'was never there') await other.kill()
      const link = openRedis({ client: create(other.url), commandTimeoutMs: 30 })
      const leave = link.subscribe('c', { message: () => {}, subscribed: () => {} })
      if (state !== 'was never there') await link.ready
      if (state === 'is frozen') other.freeze()
      if (state === 'is gone') await other.kill()
      await link.call('ping').catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 120))
      await leave()
      await link.close()
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(resources()).toEqual([])
      await other.stop()
    },
  )
})
