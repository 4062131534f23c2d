import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCidrSet, NetError } from '../src/index.ts'

describe('createCidrSet', () => {
  it('holds networks and single addresses of both families, mapped ones as IPv4', () => {
    const set = createCidrSet(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1', '::ffff:203.0.113.0/120'])
    for (const address of ['10.255.1.2', '::ffff:10.0.0.1', '192.0.2.7', '2001:db8:ffff::1', '::1', '203.0.113.9']) {
      expect(set.has(address)).toBe(true)
    }
    for (const address of [
      '11.0.0.0',
      '192.0.2.8',
      '2001:db9::',
      '::2',
      '203.0.114.0',
      '',
      'nonsense',
      '10.0.0.1/8',
      '0a00::',
    ]) {
      expect(set.has(address)).toBe(false)
    }
    expect(set.entries()).toEqual(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1', '203.0.113.0/24'])
  })

  it('all of one family is not all of the other', () => {
    expect(createCidrSet(['::/0']).has('1.2.3.4')).toBe(false)
    expect(createCidrSet(['::/0']).has('2001:db8::1')).toBe(true)
    expect(createCidrSet(['0.0.0.0/0']).has('1.2.3.4')).toBe(true)
    expect(createCidrSet(['0.0.0.0/0']).has('::1')).toBe(false)
    expect(createCidrSet(['::ffff:0:0/96']).has('1.2.3.4')).toBe(true)
  })

  it('adds once, deletes exactly what was added', () => {
    const set = createCidrSet()
    expect(set.add('2001:DB8:0::/48')).toBe('2001:db8::/48')
    set.add('2001:db8::/48')
    expect(set.entries()).toEqual(['2001:db8::/48'])
    expect(set.delete('2001:db8::/49')).toBe(false)
    expect(set.delete('2001:db8::/48')).toBe(true)
    expect(set.delete('2001:db8::/48')).toBe(false)
    expect(set.has('2001:db8::1')).toBe(false)
    set.add('10.0.0.1/32')
    expect(set.delete('10.0.0.1')).toBe(true)
  })

  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0/8 ',
    '10/8',
    '010.0.0.0/8',
    '::/129',
    'fe80::%eth0/64',
    '::1%1',
    'localhost',
    'all',
  ])('%j is malformed', (cidr) => {
    expect(() => createCidrSet([cidr])).toThrow(NetError)
    expect(() => createCidrSet().delete(cidr)).toThrow(
      expect.objectContaining({ code: 'ERR_NET_CIDR', fault: 'invalid' }),
    )
  })

  it('says what is wrong', () => {
    expect(() => createCidrSet(['10.1.2.3/8'])).toThrow(
      '"10.1.2.3/8" is not a network: bits are set after the prefix; the network is 10.0.0.0/8',
    )
    expect(() => createCidrSet(['2001:db8::1/32'])).toThrow('the network is 2001:db8::/32')
    expect(() => createCidrSet(['a\nb'])).toThrow('"a\\nb"')
    expect(() => createCidrSet([5 as unknown as string])).toThrow('(number)')
  })

  it("agrees with the platform's BlockList", () => {
    const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }))
    fc.assert(
      fc.property(
        fc.array(fc.oneof(v4, v6), { maxLength: 5 }),
        fc.array(fc.oneof(fc.ipV4(), fc.ipV6())),
        (networks, addresses) => {
          // One list for each family: the platform's holds mapped addresses against networks of both.
          const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
          const set = createCidrSet()
          for (const [address, prefix] of networks) {
            let text = `${address}/${prefix}`
            try {
              set.add(text)
            } catch (error) {
              text = /the network is (\S+)/.exec((error as Error).message)?.[1] as string
              set.add(text)
            }
            const [network, length] = text.split('/') as [string, string]
            const family = network.includes(':') ? 'ipv6' : 'ipv4'
            lists[family].addSubnet(network, Number(length), family)
          }
          for (const address of [...addresses, ...networks.map(([own]) => own)]) {
            if (/^::(ffff:|\d+\.)/i.test(address)) continue
            const family = address.includes(':') ? 'ipv6' : 'ipv4'
            expect(set.has(address)).toBe(lists[family].check(address, family))
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
