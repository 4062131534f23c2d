import type { Principal } from '@portcullis/authz'
import type { JsonRpcRequest, JsonRpcResponse } from '@portcullis/guard'
import { randomBytes } from 'node:crypto'
import { describe, expect, it, vi } from 'vitest'
import { ownNames } from '../src/gateway.ts'
import { toSessionEra, toStatelessEra } from '../src/hub/bridge.ts'
import { mergeLists } from '../src/hub/lists.ts'
import { decodeHeader } from '../src/hub/param-headers.ts'
import { createRequestStates } from '../src/hub/request-state.ts'
import { createSealer } from '../src/sealer.ts'

const alice: Principal = { id: 'alice', method: 'api_key', grants: [], authenticatedAtMs: 0 }
const answer = (result: unknown): JsonRpcResponse => ({ jsonrpc: '2.0', id: 1, result })

describe('a client of 2026-07-28 before an older server', () => {
  it('is not spoken of in its envelope, and keeps the rest of what it says', () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': {},
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/logLevel': 'info',
    }
    const request = (_meta: unknown): JsonRpcRequest => ({
      jsonrpc: '2.0',
      id: 1,
      method: 'm',
      params: { a: 1, _meta },
    })
    expect(toSessionEra(request(meta)).params).toEqual({ a: 1 })
    expect(toSessionEra(request({ ...meta, progressToken: 7, traceparent: 't' })).params).toEqual({
      a: 1,
      _meta: { progressToken: 7, traceparent: 't' },
    })
  })

  it('gets complete results from a server that says who it is, and no codes that its revision does not have', () => {
    const info = { name: 's', version: '1' }
    const result = toStatelessEra(answer({ tools: [], _meta: { own: 1 } }), info).result
    expect(result).toEqual({
      tools: [],
      resultType: 'complete',
      _meta: { own: 1, 'io.modelcontextprotocol/serverInfo': info },
    })
    const failed = (code: number) =>
      toStatelessEra({ jsonrpc: '2.0', id: 1, error: { code, message: 'm', data: { u: 1 } } }, info).error
    expect(failed(-32002)).toEqual({ code: -32602, message: 'm', data: { u: 1 } })
    expect(failed(-32042)).toMatchObject({ code: -32603 })
    expect(failed(-32042)).not.toHaveProperty('data')
    expect(failed(-32601)).toMatchObject({ code: -32601 })
  })
})

describe('a request state', () => {
  it('is good for ten minutes', () => {
    let nowMs = 1_000_000
    const states = createRequestStates(createSealer([randomBytes(32)], 'request-state', 65_536), () => nowMs)
    const request: JsonRpcRequest = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 't' } }
    const asked = answer({ resultType: 'input_required', requestState: 'mine' })
    const { requestState } = states.seal(alice, request, asked).result as { requestState: string }
    const again = { ...request, params: { ...request.params, requestState } }
    nowMs += 599_999
    expect(states.open(alice, again)?.params?.['requestState']).toBe('mine')
    nowMs += 1
    expect(states.open(alice, again)).toBeUndefined()
  })

  it('is sealed only where a server asks for something', () => {
    const states = createRequestStates(createSealer([randomBytes(32)], 'request-state'))
    const request: JsonRpcRequest = { jsonrpc: '2.0', id: 1, method: 'tools/call' }
    for (const result of [{ requestState: 'a tool’s own word' }, { resultType: 'input_required' }, 'text']) {
      expect(states.seal(alice, request, answer(result)).result).toBe(result)
    }
  })
})

describe('headers for arguments', () => {
  it.each([
    ['plain', 'plain'],
    ['  spaced\t', 'spaced'],
    ['=?base64?aMOpbGxv?=', 'héllo'],
    ['=?base64??=', ''],
    ['=?base64?aGVsbG8?=', undefined],
    ['=?base64?aGVsbG9=?=', undefined],
    ['=?base64?a GVs?=', undefined],
    ['=?base64?/w==?=', undefined],
    ['=?base64?aGVs', '=?base64?aGVs'],
  ])('decode %j', (value, decoded) => {
    expect(decodeHeader(value)).toBe(decoded)
  })
})

describe('lists of many servers', () => {
  const list: JsonRpcRequest = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/list',
    params: { _meta: { a: 1 }, cursor: 'not theirs' },
  }

  it('hold all pages of each, and what one that hangs or fails would have said does not hold up the others', async () => {
    vi.useFakeTimers()
    const faults: string[] = []
    const asked: unknown[] = []
    const merged = mergeLists(
      ['paged', 'hangs', 'fails', 'strange'],
      ownNames,
      list,
      'tools',
      async (server, { params }) => {
        asked.push(params)
        if (server === 'hangs') return new Promise(() => {})
        if (server === 'fails') throw new Error('down')
        if (server === 'strange') return answer({ tools: 'none' })
        return params?.['cursor'] === 'next' ? answer({ tools: [2] }) : answer({ tools: [1], nextCursor: 'next' })
      },
      (server) => faults.push(server),
    )
    await vi.advanceTimersByTimeAsync(5000)
    expect((await merged).result).toEqual({ tools: [1, 2] })
    expect(faults.sort()).toEqual(['fails', 'hangs'])
    expect(asked[0]).toEqual({ _meta: { a: 1 } })
    vi.useRealTimers()
  })

  it('end with a server that has no last page', async () => {
    let pages = 0
    const merged = await mergeLists(
      ['endless'],
      ownNames,
      list,
      'tools',
      async () => {
        pages++
        return answer({ tools: [], nextCursor: 'more' })
      },
      () => {},
    )
    expect([merged.result, pages]).toEqual([{ tools: [] }, 100])
  })
})
