import { createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createHmacSha256 } from '../src/hmac.ts'

// RFC 4231, sections 4.2 to 4.8, of which those with a text for their data.
test.each([
  ['0b'.repeat(20), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe').toString('hex'),
    'what do ya want for nothing?',
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [
    'aa'.repeat(131),
    'Test Using Larger Than Block-Size Key - Hash Key First',
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
])('RFC 4231: key %s', (key, text, expected) => {
  expect(createHmacSha256(Buffer.from(key, 'hex'))(text).toString('hex')).toBe(expected)
})

test('is what createHmac computes, for keys and texts of any length', () => {
  for (let length = 0; length < 200; length++) {
    const key = randomBytes(length)
    const hmac = createHmacSha256(key)
    for (const text of ['', 'ключ 鍵 🔑', 'x'.repeat(length), 'y'.repeat(4096)]) {
      expect(hmac(text)).toEqual(createHmac('sha256', key).update(text).digest())
    }
  }
})
