import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { idOf, shapeOf } from '../src/json-rpc.ts'

describe('shapeOf', () => {
  it.each([
    [{ jsonrpc: '2.0', id: 1, method: 'ping' }, 'request'],
    [{ jsonrpc: '2.0', id: '', method: 'ping', params: {} }, 'request'],
    [{ jsonrpc: '2.0', method: 'x' }, 'notification'],
    [{ jsonrpc: '2.0', id: 1, result: null }, 'response'],
    [{ jsonrpc: '2.0', id: null, error: { code: 1, message: 'x' } }, 'response'],
    [{ jsonrpc: '2.0', id: null, result: {} }, 'invalid'],
    [{ jsonrpc: '2.0', id: 1, error: 'x' }, 'invalid'],
    [{ jsonrpc: '2.0', id: 1, error: { code: 1.5, message: 'x' } }, 'invalid'],
    [{ jsonrpc: '2.0', id: {}, method: 'x' }, 'invalid'],
    [{ jsonrpc: '2.0', id: undefined, method: 'x' }, 'invalid'],
    [{ jsonrpc: '2.0', id: 2 ** 60, method: 'x' }, 'invalid'],
    [{ jsonrpc: '2.0', id: 'x'.repeat(257), method: 'x' }, 'invalid'],
    [{ jsonrpc: '2.0', id: 1, method: 'x', params: null }, 'invalid'],
    [{ id: 1, method: 'x' }, 'invalid'],
    [[], 'invalid'],
    [null, 'invalid'],
  ])('%j is a %s', (value, shape) => {
    expect(shapeOf(value)).toBe(shape)
  })

  it('takes anything without throwing, and idOf finds only ids', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(['request', 'notification', 'response', 'invalid']).toContain(shapeOf(value))
        expect(['string', 'number', 'object']).toContain(typeof idOf(value))
      }),
    )
  })
})
