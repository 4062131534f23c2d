import { describe, expect, it } from 'vitest'
import { createAddressList, ValidatorError } from '../src/index.ts'

describe('createAddressList', () => {
  it('holds addresses and networks, mapped addresses as IPv4', () => {
    const list = createAddressList(['203.0.113.0/24', '2001:db8::/32', '::ffff:198.51.100.7'])
    for (const address of ['203.0.113.9', '::ffff:203.0.113.9', '2001:DB8::1', '198.51.100.7'])
      expect(list.has(address)).toBe(true)
    for (const address of ['203.0.114.1', '2001:db9::', '', 'nonsense', '203.0.113.9:80'])
      expect(list.has(address)).toBe(false)
    expect(list.list()).toEqual([{ cidr: '203.0.113.0/24' }, { cidr: '2001:db8::/32' }, { cidr: '198.51.100.7' }])
    expect(createAddressList().has('203.0.113.9')).toBe(false)
  })

  it('entries for a time end by themselves', () => {
    let now = 0
    const list = createAddressList([], { clock: () => now })
    list.add('192.0.2.1', { forMs: 1000, reason: 'failed credentials' })
    list.add('192.0.2.2', { forMs: 2000 })
    now = 999
    expect(list.has('192.0.2.1')).toBe(true)
    expect(list.list()).toEqual([
      { cidr: '192.0.2.1', reason: 'failed credentials', remainingMs: 1 },
      { cidr: '192.0.2.2', remainingMs: 1001 },
    ])
    now = 1000
    expect(list.has('192.0.2.1')).toBe(false)
    expect(list.has('192.0.2.2')).toBe(true)
    now = 2000
    expect(list.list()).toEqual([])
  })

  it('a ban never shortens a block', () => {
    let now = 0
    const list = createAddressList(['192.0.2.1'], { clock: () => now })
    list.add('192.0.2.1', { forMs: 10, reason: 'ban' })
    list.add('192.0.2.2', { forMs: 1000 })
    list.add('192.0.2.2', { forMs: 10 })
    now = 500
    expect(list.has('192.0.2.1')).toBe(true)
    expect(list.has('192.0.2.2')).toBe(true)
    expect(list.list()).toEqual([
      { cidr: '192.0.2.1', reason: 'ban' },
      { cidr: '192.0.2.2', remainingMs: 500 },
    ])
  })

  it('removes exactly what was added', () => {
    const list = createAddressList(['192.0.2.0/24'])
    expect(list.remove('192.0.2.0/25')).toBe(false)
    expect(list.remove('192.0.2.0/24')).toBe(true)
    expect(list.remove('192.0.2.0/24')).toBe(false)
    expect(list.has('192.0.2.1')).toBe(false)
  })

  it('is bounded, and makes room as entries end', () => {
    let now = 0
    const list = createAddressList([], { maxEntries: 2, clock: () => now })
    list.add('192.0.2.1', { forMs: 10 })
    list.add('192.0.2.2')
    expect(() => list.add('192.0.2.3')).toThrow(
      expect.objectContaining({ code: 'ERR_VALIDATOR_LIST_FULL', fault: 'unavailable' }),
    )
    list.add('192.0.2.2', { reason: 'again' })
    now = 10
    list.add('192.0.2.3')
    expect(list.has('192.0.2.3')).toBe(true)
  })

  it('what is malformed is an error that names it', () => {
    for (const cidr of ['', 'x\n', '10.0.0.1/8', '1.2.3.4/33', '::1%eth0']) {
      expect(() => createAddressList([cidr])).toThrow(
        expect.objectContaining({ code: 'ERR_VALIDATOR_ADDRESS', fault: 'invalid' }),
      )
      expect(() => createAddressList().remove(cidr)).toThrow(JSON.stringify(cidr))
    }
    for (const forMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => createAddressList().add('192.0.2.1', { forMs })).toThrow(ValidatorError)
    }
    expect(() => createAddressList([], { maxEntries: 0 })).toThrow(ValidatorError)
    expect(() => createAddressList([], { max: 1 } as never)).toThrow('"max"')
  })
})
