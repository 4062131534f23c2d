import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNetworks } from '../src/addresses/networks.ts'
import { createAddressGuard, type MemoryGuardOptions } from '../src/index.ts'

const make = (options: MemoryGuardOptions = {}) => {
  let nowMs = 1000
  const guard = createAddressGuard({ clock: () => nowMs, ...options })
  return { guard, pass: (ms: number) => (nowMs += ms) }
}

describe('blocks and permits', () => {
  it('the most specific network decides; of two that are equal the block', () => {
    const { guard } = make({
      block: ['0.0.0.0/0', '10.1.0.0/16', '192.0.2.1'],
      allow: ['10.0.0.0/8', '192.0.2.1', '10.1.2.0/24'],
    })
    expect(guard.decide('8.8.8.8')).toEqual({ allowed: false, why: 'blocked', cidr: '0.0.0.0/0' })
    expect(guard.has('10.9.9.9')).toBe(false)
    expect(guard.has('10.1.9.9')).toBe(true)
    expect(guard.has('10.1.2.3')).toBe(false)
    expect(guard.has('192.0.2.1')).toBe(true)
    expect(guard.has('2001:db8::1')).toBe(false)
  })

  it('mapped addresses are the IPv4 addresses in them, however they are written', () => {
    const { guard } = make({ block: ['203.0.113.0/24', '2001:db8::/32'] })
    for (const address of [
      '203.0.113.9',
      '::ffff:203.0.113.9',
      '::ffff:cb00:7109',
      '0:0:0:0:0:FFFF:203.0.113.9',
      '2001:DB8:0::1',
      '2001:db8::1%eth0',
    ]) {
      expect([address, guard.has(address)]).toEqual([address, true])
    }
    for (const address of ['203.0.114.9', '::203.0.113.9', '2001:db9::1', '203.0.113', '0203.0.113.9', '', 'x']) {
      expect([address, guard.has(address)]).toEqual([address, false])
    }
  })

  it('allowOnly refuses everything else, and what is no address', () => {
    const { guard } = make({ allow: ['10.0.0.0/8'], allowOnly: true })
    expect(guard.decide('11.0.0.1')).toEqual({ allowed: false, why: 'not_allowed' })
    expect(guard.decide('junk')).toEqual({ allowed: false, why: 'no_address' })
    expect(guard.has('10.0.0.1')).toBe(false)
  })

  it('takes effect at once, ends on time, and never shortens', () => {
    const { guard, pass } = make()
    guard.block('192.0.2.0/24', { reason: 'scan', forMs: 5000 })
    expect(guard.decide('192.0.2.7')).toEqual({
      allowed: false,
      why: 'blocked',
      cidr: '192.0.2.0/24',
      reason: 'scan',
      remainingMs: 5000,
    })
    guard.block('192.0.2.0/24', { forMs: 10 })
    pass(4999)
    expect(guard.has('192.0.2.7')).toBe(true)
    pass(1)
    expect(guard.has('192.0.2.7')).toBe(false)
    guard.block('192.0.2.0/24')
    guard.block('192.0.2.0/24', { forMs: 1000 })
    pass(100_000)
    expect(guard.list()).toEqual([{ cidr: '192.0.2.0/24', kind: 'block' }])
    expect(guard.unblock('192.0.2.0/24')).toBe(true)
    expect(guard.unblock('192.0.2.0/24')).toBe(false)
    expect(guard.has('192.0.2.7')).toBe(false)
  })

  it('is bounded, and makes room by what ended', () => {
    const { guard, pass } = make({ maxEntries: 2 })
    guard.block('192.0.2.1', { forMs: 1000 })
    guard.block('192.0.2.2')
    expect(() => guard.block('192.0.2.3')).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_LIST_FULL', fault: 'unavailable' }),
    )
    pass(1000)
    guard.block('192.0.2.3')
    expect(guard.list().map(({ cidr }) => cidr)).toEqual(['192.0.2.2', '192.0.2.3'])
  })

  it('believes proxies that it trusts, from the right', () => {
    const { guard } = make({ trustedProxies: ['10.0.0.0/8'] })
    expect(guard.clientAddress('10.0.0.1', ['6.6.6.6, 203.0.113.5', '10.0.0.2'])).toBe('203.0.113.5')
    expect(guard.clientAddress('198.51.100.1', ['203.0.113.5'])).toBe('198.51.100.1')
    expect(guard.clientAddress('10.0.0.1', ['203.0.113.5, junk'])).toBe('10.0.0.1')
    expect(guard.clientAddress(undefined, ['203.0.113.5'])).toBeUndefined()
  })

  it.each([
    { allowOnly: true },
    { allowOnly: 'yes' },
    { bans: { strikes: 0 } },
    { bans: { factor: 0.5 } },
    { bans: { maxMs: 10 } },
    { bans: { other: 1 } },
    { maxEntries: 0 },
    { other: 1 },
  ])('refuses the options %j', (options) => {
    expect(() => createAddressGuard(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_OPTIONS' }),
    )
  })

  it.each([{ block: ['10.0.0.1/8'] }, { allow: ['x'] }, { trustedProxies: ['300.0.0.1'] }])(
    'refuses the networks %j',
    (options) => {
      expect(() => createAddressGuard(options)).toThrow(expect.objectContaining({ code: 'ERR_VALIDATOR_ADDRESS' }))
    },
  )
})

describe('bans', () => {
  const bans = { strikes: 3, windowMs: 10_000, baseMs: 60_000, factor: 4, maxMs: 600_000, forgetMs: 3_600_000 }
  const offend = (guard: ReturnType<typeof make>['guard'], address: string, times = 3) => {
    let last
    for (let i = 0; i < times; i++) last = guard.strike(address, 'guessing')
    return last
  }

  it('grow each time, up to the longest, and are forgotten', () => {
    const { guard, pass } = make({ bans })
    expect(guard.strike('192.0.2.7')).toEqual({ banned: false, left: 2 })
    expect(offend(guard, '192.0.2.7', 2)).toEqual({ banned: true, cidr: '192.0.2.7', forMs: 60_000, nth: 1 })
    expect(guard.decide('192.0.2.7')).toMatchObject({ why: 'banned', reason: 'guessing', remainingMs: 60_000 })
    pass(60_000)
    expect(guard.has('192.0.2.7')).toBe(false)
    expect(offend(guard, '192.0.2.7')).toMatchObject({ forMs: 240_000, nth: 2 })
    pass(240_000)
    expect(offend(guard, '192.0.2.7')).toMatchObject({ forMs: 600_000, nth: 3 })
    pass(600_000 + 3_600_000)
    expect(offend(guard, '192.0.2.7')).toMatchObject({ forMs: 60_000, nth: 1 })
  })

  it('count within a window', () => {
    const { guard, pass } = make({ bans })
    offend(guard, '192.0.2.7', 2)
    pass(10_000)
    expect(guard.strike('192.0.2.7')).toEqual({ banned: false, left: 2 })
  })

  it('an IPv6 caller is its /64', () => {
    const { guard } = make({ bans })
    guard.strike('2001:db8:1:2::1')
    guard.strike('2001:db8:1:2:ffff::2')
    expect(guard.strike('2001:db8:1:2:3::3')).toMatchObject({ banned: true, cidr: '2001:db8:1:2::/64' })
    expect(guard.has('2001:db8:1:2:9:9:9:9')).toBe(true)
    expect(guard.has('2001:db8:1:3::1')).toBe(false)
  })

  it('never reach loopback, trusted proxies or allowed networks', () => {
    const { guard } = make({ bans, allow: ['198.51.100.0/24'], trustedProxies: ['10.0.0.0/8'] })
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.1.1.1', '198.51.100.9', 'junk']) {
      expect([address, offend(guard, address, 20)]).toEqual([address, { banned: false, exempt: true }])
    }
    expect(guard.list()).toEqual([])
  })

  it('do not shorten a block, and lifting one forgets', () => {
    const { guard, pass } = make({ bans })
    guard.block('192.0.2.7', { reason: 'by hand' })
    offend(guard, '192.0.2.7')
    pass(1_000_000)
    expect(guard.decide('192.0.2.7')).toMatchObject({ why: 'blocked', reason: 'by hand' })
    guard.unblock('192.0.2.7')
    expect(offend(guard, '192.0.2.7')).toMatchObject({ nth: 1 })
  })

  it('a flood of callers does not grow the table without end', () => {
    const { guard } = make({ bans, maxEntries: 100 })
    for (let i = 0; i < 5000; i++) guard.strike(`192.${i >> 8}.${i & 255}.1`)
    expect(guard.strike('192.0.0.1')).toEqual({ banned: false, left: 2 })
  })
})

it('a table of networks answers what a look at every network would', () => {
  const byte = fc.integer({ min: 0, max: 255 })
  const network = fc.tuple(byte, byte, byte, byte, fc.integer({ min: 0, max: 32 })).map(([a, b, c, d, prefix]) => {
    const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    const masked = prefix === 0 ? 0 : (address & (0xffffffff << (32 - prefix))) >>> 0
    return { masked, prefix, text: `${[24, 16, 8, 0].map((shift) => (masked >>> shift) & 255).join('.')}/${prefix}` }
  })
  fc.assert(
    fc.property(
      fc.array(network, { maxLength: 12 }),
      fc.tuple(byte, byte, byte, byte),
      fc.integer({ min: 0, max: 11 }),
      (networks, parts, removed) => {
        const table = createNetworks<number>()
        for (const { text } of networks) table.set(text, 1)
        const gone = networks[removed]?.text
        if (gone !== undefined) table.delete(gone)
        const address = ((parts[0] << 24) | (parts[1] << 16) | (parts[2] << 8) | parts[3]) >>> 0
        const holding = networks.filter(
          ({ masked, prefix, text }) =>
            text !== gone && (prefix === 0 || address >>> (32 - prefix) === masked >>> (32 - prefix)),
        )
        const expected = holding.length === 0 ? undefined : Math.max(...holding.map(({ prefix }) => prefix))
        expect(table.match(parts.join('.'))?.prefix).toBe(expected)
      },
    ),
    { numRuns: 500 },
  )
})

describe('a full list', () => {
  it('gives up the ban that ends first, never a block, and throws at no offence', () => {
    const { guard, pass } = make({ maxEntries: 3, bans: { strikes: 1 } })
    guard.block('192.0.2.1')
    guard.strike('192.0.2.2')
    pass(1000)
    guard.strike('192.0.2.3')
    expect(guard.strike('192.0.2.4')).toMatchObject({ banned: true })
    expect(guard.list().map(({ cidr }) => cidr.replace(/\/32$/, ''))).toEqual(['192.0.2.1', '192.0.2.3', '192.0.2.4'])
  })

  it('of blocks alone bans nobody', () => {
    const { guard } = make({ maxEntries: 1, bans: { strikes: 1 } })
    guard.block('192.0.2.1')
    expect(guard.strike('192.0.2.4')).toEqual({ banned: false, left: 1 })
    expect(guard.has('192.0.2.1')).toBe(true)
    guard.unblock('192.0.2.1')
    expect(guard.strike('192.0.2.4')).toMatchObject({ banned: true, nth: 1 })
  })
})
