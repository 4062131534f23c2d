import { type RedisServer, startRedis } from '@portcullis-internal/testing'
import { afterAll, beforeAll } from 'vitest'

/** One real server for a test file. */
export const useRedis = (): { readonly server: RedisServer } => {
  let server: RedisServer | undefined
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())
  return {
    get server() {
      return server as RedisServer
    },
  }
}
