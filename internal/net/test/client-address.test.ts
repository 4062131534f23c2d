import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientAddress, createCidrSet } from '../src/index.ts'

const trusted = createCidrSet(['10.0.0.0/8', '2001:db8::/32'])
const client = (remote: string | undefined, ...lines: string[]) => clientAddress(remote, lines, trusted)

describe('clientAddress', () => {
  it('does not believe a peer that is not trusted', () => {
    expect(client('203.0.113.1', '127.0.0.1')).toBe('203.0.113.1')
    expect(clientAddress('10.0.0.1', ['1.1.1.1'], createCidrSet())).toBe('10.0.0.1')
    expect(client('::ffff:203.0.113.1', '127.0.0.1')).toBe('203.0.113.1')
  })

  it('takes the right-most address that is not trusted', () => {
    expect(client('10.0.0.1', '203.0.113.9')).toBe('203.0.113.9')
    expect(client('10.0.0.1', '127.0.0.1, 203.0.113.9')).toBe('203.0.113.9')
    expect(client('10.0.0.1', '127.0.0.1, 203.0.113.9, 10.0.0.2,10.0.0.3')).toBe('203.0.113.9')
    expect(client('::ffff:10.0.0.1', '2001:db9::1, 2001:db8::5')).toBe('2001:db9::1')
  })

  it('reads repeated header lines as one list, in order', () => {
    expect(client('10.0.0.1', '1.1.1.1', '203.0.113.9', '10.0.0.2')).toBe('203.0.113.9')
    expect(client('10.0.0.1', '203.0.113.9', '127.0.0.1')).toBe('127.0.0.1')
  })

  it('stops at the nearest known address where the chain ends or turns to garbage', () => {
    expect(client('10.0.0.1')).toBe('10.0.0.1')
    expect(client('10.0.0.1', '10.0.0.3, 10.0.0.2')).toBe('10.0.0.3')
    for (const garbage of [
      'unknown',
      '',
      ' ',
      '_hidden',
      '127.1',
      '1.2.3.4.5',
      '"1.2.3.4"',
      '[1.2.3.4]',
      '[::1',
      '::1]',
      '1.2.3.4:',
      '1.2.3.4:99999',
      '1.2.3.4:8o',
      '[::1]x',
      '[::1]:',
      '1.2.3.4\0',
      'x'.repeat(5000),
    ]) {
      expect(client('10.0.0.1', `203.0.113.9, ${garbage}`)).toBe('10.0.0.1')
      expect(client('10.0.0.1', `203.0.113.9, ${garbage}, 10.0.0.2`)).toBe('10.0.0.2')
      expect(client('10.0.0.1', '203.0.113.9', garbage)).toBe('10.0.0.1')
    }
  })

  it('reads ports and brackets', () => {
    expect(client('10.0.0.1', '203.0.113.9:4711')).toBe('203.0.113.9')
    expect(client('10.0.0.1', '[2001:db9::1]:4711')).toBe('2001:db9::1')
    expect(client('10.0.0.1', '[2001:db9::1]')).toBe('2001:db9::1')
    expect(client('10.0.0.1', '2001:db9::1')).toBe('2001:db9::1')
  })

  it('walks no farther than 64 hops', () => {
    expect(client('10.0.0.1', `203.0.113.9${', 10.0.0.2'.repeat(63)}`)).toBe('203.0.113.9')
    expect(client('10.0.0.1', `203.0.113.9${', 10.0.0.2'.repeat(64)}`)).toBe('10.0.0.2')
    expect(client('10.0.0.1', ','.repeat(1_000_000))).toBe('10.0.0.1')
  })

  it('a socket without an address has none', () => {
    expect(client(undefined, '1.1.1.1')).toBeUndefined()
    expect(client('', '1.1.1.1')).toBeUndefined()
    expect(client('/run/socket', '1.1.1.1')).toBeUndefined()
  })

  it('what a client writes itself never counts: with one trusted proxy it is the peer that the proxy saw', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), fc.ipV4(), (written, peer) => {
        fc.pre(!peer.startsWith('10.'))
        expect(client('10.0.0.1', ...written, peer)).toBe(peer)
        expect(client('10.0.0.1', `${written.join(',')}, ${peer}`)).toBe(peer)
      }),
    )
  })
})
