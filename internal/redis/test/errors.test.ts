import { describe, expect, it } from 'vitest'
import { isReply, RedisLinkError, replyCode, translate } from '../src/errors.ts'

describe('what a server says', () => {
  it.each([
    ['READONLY', "READONLY You can't write against a read only replica."],
    ['READONLY', "READONLY You can't write against a read only replica. script: abc, on @user_script:1."],
    // Redis 6.2.
    [
      'READONLY',
      "ERR Error running script (call to f_abc): @user_script:1: @user_script: 1: -READONLY You can't write",
    ],
    ['OOM', 'ERR Error running script (call to f_abc): @user_script:1: -OOM command not allowed'],
    ['ERR', 'ERR unknown command'],
    ['NOSCRIPT', 'NOSCRIPT No matching script. Please use EVAL.'],
  ])('is %s: %s', (code, message) => {
    expect(replyCode(message)).toBe(code)
    expect(isReply(new Error(message))).toBe(true)
  })

  it.each([
    'READONLY',
    'LOADING',
    'BUSY',
    'MASTERDOWN',
    'CLUSTERDOWN',
    'TRYAGAIN',
    'NOREPLICAS',
    'MISCONF',
    'OOM',
    'NOSCRIPT',
  ])('%s passes', (code) => {
    expect(translate(new Error(`${code} something`))).toMatchObject({ fault: 'unavailable', retryAfterMs: 1000 })
  })

  it.each(['ERR', 'WRONGTYPE', 'CROSSSLOT', 'NOPERM', 'MOVED'])('%s does not', (code) => {
    const error = translate(new Error(`${code} something`))
    expect(error).toMatchObject({ code: 'ERR_REDIS_REPLY', fault: 'internal' })
    expect(error).not.toHaveProperty('retryAfterMs', expect.anything())
  })

  it.each(['NOAUTH', 'WRONGPASS'])('%s refuses, and nothing of it is repeated', (code) => {
    const error = translate(new Error(`${code} hush-hush`))
    expect(error).toMatchObject({ code: 'ERR_REDIS_REFUSED', fault: 'unavailable' })
    expect(error.message).not.toContain('hush-hush')
  })
})

describe('what a client library says', () => {
  it.each([
    'Connection is closed.',
    "Stream isn't writeable and enableOfflineQueue options is false",
    "Cluster isn't ready and enableOfflineQueue options is false",
    'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
    'Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request during rehashing of slot',
    'All sentinels are unreachable. Retrying from scratch after 10ms.',
    'Socket closed unexpectedly',
    'The client is offline',
    'Connection timeout',
    'connect ECONNREFUSED 127.0.0.1:6379',
    'getaddrinfo ENOTFOUND h',
    'C0E7A5F7:error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed',
  ])('is a fault of the connection: %s', (message) => {
    expect(isReply(new Error(message))).toBe(false)
    expect(translate(new Error(message))).toMatchObject({ code: 'ERR_REDIS_UNAVAILABLE' })
  })

  it('is cut before it repeats arguments, and our own stays what it is', () => {
    const text = "ERR unknown command 'x', with args beginning with: 'hush-hush'"
    expect(translate(new Error(text)).message).not.toContain('hush-hush')
    const own = new RedisLinkError('ERR_REDIS_TIMEOUT', 'x')
    expect(translate(own)).toBe(own)
  })
})
