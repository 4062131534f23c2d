import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takeInBandCredential } from '../src/in-band.ts'

const auth = { type: 'api_key', api_key: 'the key' }

describe('takeInBandCredential', () => {
  it.each([
    ['auth', { id: 1, auth, params: { a: 1 } }, { id: 1, params: { a: 1 } }],
    ['params.auth', { id: 1, params: { auth, a: 1 } }, { id: 1, params: { a: 1 } }],
    ['params._meta.auth', { id: 1, params: { _meta: { auth, b: 2 } } }, { id: 1, params: { _meta: { b: 2 } } }],
  ])('takes it from %s', (_, message, cleaned) => {
    const before = structuredClone(message)
    expect(takeInBandCredential(message)).toEqual({
      message: cleaned,
      credential: { source: 'in_band_api_key', text: 'the key' },
    })
    expect(message).toEqual(before)
  })

  it('knows tokens from keys', () => {
    const token = { type: 'oauth2', access_token: 'the token' }
    expect(takeInBandCredential({ auth: token }).credential).toEqual({ source: 'in_band_oauth2', text: 'the token' })
  })

  it.each([
    ['two of them', { auth, params: { auth } }],
    ['another type', { auth: { type: 'basic', api_key: 'x' } }],
    ['text', { auth: 'the key' }],
    ['null', { auth: null }],
    ['an empty key', { auth: { type: 'api_key', api_key: '' } }],
    ['a key that is a list', { auth: { type: 'api_key', api_key: ['the key'] } }],
    ['the key under the wrong name', { auth: { type: 'oauth2', api_key: 'the key' } }],
  ])('calls %s malformed, and takes it away all the same', (_, message) => {
    const { message: cleaned, credential } = takeInBandCredential(message)
    expect(credential).toBe('malformed')
    expect(JSON.stringify(cleaned)).not.toContain('auth')
  })

  it('leaves arguments alone: a tool may have one called auth', () => {
    const message = { params: { name: 'login', arguments: { auth: 'mine' } } }
    expect(takeInBandCredential(message)).toEqual({ message, credential: undefined })
    expect(takeInBandCredential(message).message).toBe(message)
  })

  it('never leaves one behind, whatever else a message holds', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.subarray([0, 1, 2], { minLength: 1 }),
        (message, params, meta, places) => {
          const secret = { type: 'api_key', api_key: 'the key' }
          const given = {
            ...message,
            ...(places.includes(0) ? { auth: secret } : {}),
            params: {
              ...params,
              ...(places.includes(1) ? { auth: secret } : {}),
              _meta: { ...meta, ...(places.includes(2) ? { auth: secret } : {}) },
            },
          }
          expect(JSON.stringify(takeInBandCredential(given).message)).not.toContain('the key')
        },
      ),
    )
  })
})
