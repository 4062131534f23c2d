import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressGroup, isLoopback, parseAddress } from '../src/index.ts'

describe('parseAddress', () => {
  it.each([
    ['1.2.3.4', '1.2.3.4'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:102:304', '1.2.3.4'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:1.2.3.4%1', '1.2.3.4'],
  ])('%s -> %s', (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical)
  })

  it.each([
    '',
    '1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '01.2.3.4',
    '1.2.3.04',
    '1.2.3.256',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '1.2.3.+4',
    '1.2.3.4%eth0',
    '１.2.3.4',
    ':',
    ':::',
    '1:::2',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '12345::',
    'g::',
    '::ffff:1.2.3.256',
    '::ffff:01.2.3.4',
    '[::1]',
    '::1%',
    '::1%a b',
    '::1%eth0%eth1',
    '1.2.3.4:80',
    '1.2.3.4/32',
    'localhost',
    `${'0'.repeat(100)}::1`,
    null as unknown as string,
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  it('agrees with the platform, and is stable', () => {
    const part = fc.constantFrom('0', '1', 'ffff', ':', '::', '.', '12', '255', '01', '7f00', 'a', '%e', ' ', '10000')
    const texts = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(part, { maxLength: 12 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = parseAddress(text)
        // The platform takes a colon for part of a zone id; no interface has such a name.
        expect(canonical !== undefined).toBe(isIP(text) !== 0 && !/%.*:/.test(text))
        if (canonical === undefined) return
        expect(parseAddress(canonical)).toBe(canonical)
        if (canonical.includes(':')) expect(new URL(`http://[${canonical}]`).hostname).toBe(`[${canonical}]`)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('isLoopback', () => {
  it.each([
    '127.0.0.1',
    '127.255.0.9',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '[::1]',
    'localhost',
    'LOCALHOST',
    'localhost.',
  ])('%s is', (host) => {
    expect(isLoopback(host)).toBe(true)
  })
  it.each([
    '0.0.0.0',
    '::',
    '128.0.0.1',
    '1.127.0.0',
    '::2',
    '[127.0.0.1]',
    '[localhost]',
    'localhost.evil.com',
    'localhost:80',
    '127.0.0.1.evil.com',
    '127.1',
    '',
    '[]',
    null as unknown as string,
  ])('%s is not', (host) => {
    expect(isLoopback(host)).toBe(false)
  })
})

describe('addressGroup', () => {
  it('is the address of IPv4 and the /64 of IPv6', () => {
    expect(addressGroup('1.2.3.4')).toBe('1.2.3.4')
    expect(addressGroup('::ffff:1.2.3.4')).toBe('1.2.3.4')
    expect(addressGroup('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(addressGroup('2001:db8:1:2:ffff::')).toBe('2001:db8:1:2::/64')
    expect(addressGroup('::1')).toBe('::/64')
    expect(addressGroup('nonsense')).toBeUndefined()
  })
})
