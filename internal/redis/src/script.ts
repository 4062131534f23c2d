import { createHash } from 'node:crypto'

/** A Lua script with the name under which Redis remembers it. */
export interface RedisScript {
  readonly text: string
  readonly sha: string
}

export const defineScript = (text: string): RedisScript => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
})
