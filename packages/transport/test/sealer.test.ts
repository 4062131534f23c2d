import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSealer, deriveKey } from '../src/sealer.ts'

const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]

describe('createSealer', () => {
  it('opens what it sealed, for its owner alone', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, minLength: 1 }), fc.string(), fc.string(), (content, owner, other) => {
        const sealer = createSealer([one], 'session')
        const text = sealer.seal(owner, content)
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
        // Lone surrogates are not text: they become U+FFFD on the way, in the owner too.
        expect(sealer.open(owner, text)).toBe(Buffer.from(content).toString())
        fc.pre(Buffer.from(owner).compare(Buffer.from(other)) !== 0)
        expect(sealer.open(other, text)).toBeUndefined()
      }),
      { numRuns: 200 },
    )
  })

  it('opens no text of which a single character was changed, added or taken away', () => {
    const sealer = createSealer([one], 'session')
    const text = sealer.seal('alice', 'x')
    for (let at = 0; at < text.length; at++) {
      for (const other of 'AB_-=+ ') {
        if (text[at] === other) continue
        expect(sealer.open('alice', text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined()
      }
      expect(sealer.open('alice', text.slice(0, at))).toBeUndefined()
      expect(sealer.open('alice', text.slice(0, at) + text.slice(at + 1))).toBeUndefined()
    }
    for (const more of ['A', '=', '==', '\n', ' ']) expect(sealer.open('alice', text + more)).toBeUndefined()
  })

  it('keeps purposes and master keys apart, and opens with every key of the ring', () => {
    const text = createSealer([one], 'session').seal('alice', 'x')
    expect(createSealer([one], 'cursor').open('alice', text)).toBeUndefined()
    expect(createSealer([two], 'session').open('alice', text)).toBeUndefined()
    expect(createSealer([two, one], 'session').open('alice', text)).toBe('x')
    expect(() => createSealer([], 'session')).toThrow(RangeError)
  })

  it('derives keys by HKDF-SHA256 with the purpose in the info', () => {
    // Computed with another implementation (Python: HKDF over hmac, RFC 5869).
    expect(Buffer.from(deriveKey(one, 'session')).toString('hex')).toBe(
      '15015d5b26229285f5906e1a65e86f7c99f0f820a20d5923b5e75d9f09e1e1d4',
    )
  })
})
