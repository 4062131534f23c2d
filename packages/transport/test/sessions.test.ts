import { describe, expect, it } from 'vitest'
import { noFacts } from '../src/hub/session.ts'
import { createSessions } from '../src/hub/sessions.ts'
import { createSealer } from '../src/sealer.ts'
import { principal } from './support.ts'

const key = new Uint8Array(32).fill(7)
const [alice, mallory] = [principal('alice', []), principal('mallory', [])]
const facts = { ...noFacts('2025-06-18'), elicitation: true }
const make = (options: Partial<Parameters<typeof createSessions>[0]> = {}) =>
  createSessions({ sealer: createSealer([key], 'session'), ...options })

describe('createSessions', () => {
  it('knows a session again in another replica with the same key, with what its client can do', () => {
    const { id } = make().start(alice, facts)
    const other = make()
    expect(other.find(alice, id)?.facts).toEqual(facts)
    expect(other.find(mallory, id)).toBeUndefined()
    expect(make({ sealer: createSealer([new Uint8Array(32)], 'session') }).find(alice, id)).toBeUndefined()
  })

  it('refuses ids that are over their time, in memory or not', () => {
    let now = 1_000_000
    const clock = () => now
    const sessions = make({ clock, lifetimeMs: 1000 })
    const { id } = sessions.start(alice, facts)
    now += 999
    expect(sessions.find(alice, id)).toBeDefined()
    now += 1
    expect(sessions.find(alice, id)).toBeUndefined()
    expect(make({ clock, lifetimeMs: 1000 }).find(alice, id)).toBeUndefined()
  })

  it('refuses ids that were ended, although they would still open', () => {
    const sessions = make()
    const session = sessions.start(alice, facts)
    sessions.end(session)
    expect(sessions.find(alice, session.id)).toBeUndefined()
    expect([...sessions.live()]).toHaveLength(0)
  })

  it('holds a bounded number, and one principal cannot push out the sessions of another', () => {
    const forgotten: string[] = []
    const sessions = make({ maxLive: 20, maxLivePerPrincipal: 5, onForget: ({ id }) => forgotten.push(id as string) })
    const busy = sessions.start(alice, facts)
    busy.logLevel = 3
    busy.subscriptions.add('memo://x')
    const ids = Array.from({ length: 50 }, () => sessions.start(mallory, facts).id)
    expect([...sessions.live()]).toHaveLength(6)
    expect(forgotten).toEqual(ids.slice(0, 45))
    expect(sessions.find(alice, busy.id)?.logLevel).toBe(3)
    // What was forgotten is rebuilt from its id.
    expect(sessions.find(mallory, ids[0] as string)?.facts).toEqual(facts)
  })

  it('forgets the idle sessions of a principal before those that are in use', () => {
    const sessions = make({ maxLivePerPrincipal: 3 })
    const streaming = sessions.start(alice, facts)
    streaming.stream = { send: () => true, renew: async () => alice, close: () => {} }
    for (let count = 0; count < 10; count++) sessions.start(alice, facts)
    expect([...sessions.live()]).toHaveLength(3)
    expect(sessions.find(alice, streaming.id)).toBe(streaming)
  })

  it('forgets idle sessions first when there are too many in all', () => {
    const sessions = make({ maxLive: 3 })
    const busy = sessions.start(alice, facts)
    busy.subscriptions.add('memo://x')
    for (let count = 0; count < 10; count++) sessions.start(principal(`p${count}`, []), facts)
    expect([...sessions.live()]).toHaveLength(3)
    expect(sessions.find(alice, busy.id)?.subscriptions.size).toBe(1)
  })
})
