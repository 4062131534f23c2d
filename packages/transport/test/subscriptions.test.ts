import type { Guard } from '@portcullis/guard'
import { describe, expect, it } from 'vitest'
import { createSession, noFacts, type Session } from '../src/hub/session.ts'
import { createSubscriptions } from '../src/hub/subscriptions.ts'
import { principal } from './support.ts'

const update = { jsonrpc: '2.0' as const, method: 'notifications/resources/updated', params: { uri: 'memo://a' } }

describe('createSubscriptions', () => {
  it('closes a stream whose credential has become somebody else, before anything is delivered to it', async () => {
    const sent: unknown[] = []
    let closed = false
    const session = createSession('alice', noFacts('2025-11-25'), 'id')
    session.subscriptions.add('memo://a')
    session.stream = {
      send: (message) => sent.push(message) > 0,
      renew: async () => principal('somebody else', ['*']),
      close: () => {
        closed = true
      },
    }
    const subscriptions = createSubscriptions({
      guard: { mayReceive: () => true } as unknown as Guard,
      sole: false,
      wantedElsewhere: () => false,
      sessions: () => [session],
    })
    await subscriptions.deliver('memo://a', update)
    expect([closed, sent]).toEqual([true, []])
  })

  it('tells the server only when the last subscriber is gone', async () => {
    const sessions: Session[] = ['a', 'b'].map((id) => createSession(id, noFacts('2025-11-25'), id))
    const subscriptions = createSubscriptions({
      guard: {} as Guard,
      sole: false,
      wantedElsewhere: () => false,
      sessions: () => sessions,
    })
    const forwarded: string[] = []
    const handle = (session: Session, method: string) =>
      subscriptions.handle(session, { jsonrpc: '2.0', id: 1, method, params: { uri: 'memo://a' } }, async () => {
        forwarded.push(method)
        return { jsonrpc: '2.0', id: 1, result: {} }
      })
    const [one, two] = sessions as [Session, Session]
    await handle(one, 'resources/subscribe')
    await handle(two, 'resources/subscribe')
    await handle(one, 'resources/unsubscribe')
    expect(forwarded).toEqual(['resources/subscribe', 'resources/subscribe'])
    const withdrawn: string[] = []
    subscriptions.release(two, (uri) => withdrawn.push(uri))
    expect(withdrawn).toEqual(['memo://a'])
  })
})
