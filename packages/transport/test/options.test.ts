import { createGuard } from '@portcullis/guard'
import { createPolicy } from '@portcullis/authz'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createStdioUpstream, secureStdio, serveHttp } from '../src/index.ts'

const guard = createGuard({ authenticate: {}, policy: createPolicy() })
const endpoint = { connect: async () => {} }
const refused = expect.objectContaining({ code: 'ERR_TRANSPORT_OPTIONS', fault: 'invalid' })

describe('options', () => {
  it.each<[string, object]>([
    ['a misspelt switch', { refuseProxyed: true }],
    ['a switch that is text', { refuseProxied: 'true' }],
    ['a size that is text', { maxBodyBytes: '1' }],
    ['a master key that anybody could guess', { masterKeys: [new Uint8Array(0)] }],
    ['no master key', { masterKeys: [] }],
    ['a port that is none', { port: 65_536 }],
    ['a guard that is none', { guard: {} }],
    ['hosts that are text', { allowedHosts: 'mcp.example.com' }],
    ['a header that is none', { keyHeader: 'X Key' }],
  ])('serveHttp refuses %s', async (_, wrong) => {
    await expect(serveHttp(endpoint, { guard, port: 0, ...wrong } as never)).rejects.toThrow(refused)
  })

  it('the ways of stdio refuse theirs', async () => {
    const streams = { input: new PassThrough(), output: new PassThrough() }
    await expect(secureStdio(endpoint, guard, { ...streams, credentials: 'x' } as never)).rejects.toThrow(refused)
    await expect(secureStdio(endpoint, guard, { ...streams, credential: '' })).rejects.toThrow(refused)
    expect(() => createStdioUpstream({ command: 'x', env: process.env, evn: {} } as never)).toThrow(refused)
    expect(() => createStdioUpstream({ command: '', env: {} })).toThrow(refused)
  })
})
