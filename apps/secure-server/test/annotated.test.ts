import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startRedis } from '@portcullis-internal/testing'
import { startAuthorizationServer } from '../../../packages/auth-oauth2/test/authorization-server.ts'
import { certify } from './certificate.ts'
import {
  administer,
  call,
  createKey,
  eventually,
  post,
  program,
  request,
  start,
  temporary,
  textOf,
  write,
} from './support.ts'
import { Agent, request as httpsRequest } from 'node:https'

vi.setConfig({ testTimeout: 60_000 })

/** The example of docs/configuration.md, every section of it, with what it names replaced by what is on this machine. */
const example = (): string => {
  const guide = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  return (/```yaml\n([\s\S]*?)```/.exec(guide) as RegExpExecArray)[1] as string
}

const swap = (text: string, from: string | RegExp, to: string): string => {
  const changed = text.replace(from, to)
  if (changed === text) throw new Error(`the example has no ${String(from)} any more`)
  return changed
}

const secret = (dir: string, name: string, value: string): void => {
  const { code, stderr } = administer(dir, ['secrets', 'set', name], value)
  if (code !== 0) throw new Error(stderr)
}

describe('the annotated configuration', () => {
  it('works as it is written, from TLS to upstreams', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const resource = 'https://mcp.example.com/mcp'
    const scopes = ['mcp:server:access', 'mcp:tool:*', 'mcp:tool:get_time', 'mcp:tool:github']
    const [jwt, opaque] = [
      await startAuthorizationServer({ resources: [resource], scopes, accessTokenFormat: 'jwt' }),
      await startAuthorizationServer({ resources: [resource], scopes, accessTokenFormat: 'opaque', discovery: false }),
    ]
    onTestFinished(async () => {
      await jwt.stop()
      await opaque.stop()
    })
    const inner = await start()
    const cwd = temporary()
    const dir = join(cwd, 'config')
    const authority = certify('test authority')
    const [server, client] = [certify('mcp.example.com', authority), certify('client', authority)]
    write(join(dir, 'tls.pem'), server.cert)
    write(join(dir, 'tls.key'), server.key)
    write(join(dir, 'ca.pem'), authority.cert)
    secret(dir, 'gw_secret', opaque.clientSecret)
    secret(dir, 'redis_url', redis.url)
    secret(dir, 'github_authorization', `Bearer ${inner.key()}`)

    let text = example()
    text = swap(text, 'host: 0.0.0.0', 'host: 127.0.0.1')
    text = swap(text, 'port: 3000', 'port: 0')
    text = swap(text, 'port: 3001', 'port: 0')
    text = swap(text, 'https://id.example.com', jwt.issuer)
    text = swap(text, 'https://old.example.com #', `${opaque.issuer} #`)
    text = swap(text, 'clientId: gw', `clientId: ${opaque.clientId}`)
    text = swap(text, 'https://old.example.com/introspect', opaque.endpoints.introspection)
    text = swap(
      text,
      /files: \{ command: npx, args: \[[^\]]*\]/,
      `files: { command: ${process.execPath}, args: [${program}, --stdio, --dir, ${join(cwd, 'inner')}]`,
    )
    text = swap(text, 'env: {}', 'env: { MCP_API_KEY: a-key-for-the-inner-process-alone }')
    text = swap(text, 'https://github-mcp.internal/mcp', inner.url)
    writeFileSync(join(dir, 'portcullis.yaml'), text, { mode: 0o600 })

    const key = createKey(dir, 'ci', 'get_time', 'files/*', 'github/echo')
    const running = await start({ cwd, ownPort: true })
    const { port } = new URL(running.url)
    expect(running.url).toMatch(/^https:/)

    const agent = new Agent({ ca: authority.cert, cert: client.cert, key: client.key, servername: 'localhost' })
    const ask = (headers: Record<string, string>, message: unknown, host = 'mcp.example.com') =>
      new Promise<{ status: number; headers: any; body: any }>((resolve, reject) => {
        const sent = httpsRequest(
          {
            host: '127.0.0.1',
            port,
            path: '/mcp',
            method: 'POST',
            agent,
            headers: { host, 'content-type': 'application/json', ...headers },
          },
          (response) => {
            let body = ''
            response.on('data', (chunk) => (body += chunk))
            response.on('end', () =>
              resolve({ status: response.statusCode as number, headers: response.headers, body: JSON.parse(body) }),
            )
          },
        )
        sent.on('error', reject)
        sent.end(JSON.stringify(message))
      })

    const byKey = { 'x-api-key': key }
    await eventually(async () => (await ask(byKey, call('get_time'))).status === 200)
    expect((await ask(byKey, call('echo', { message: 'x' }))).status).toBe(403)
    const names = await eventually(async () => {
      const { body } = await ask(byKey, request('tools/list'))
      const found: string[] = body.result.tools.map(({ name }: { name: string }) => name)
      return found.includes('github__echo') && found.includes('files__echo') ? found : undefined
    }, 15_000)
    expect(names).toContain('get_time')
    expect(textOf(await ask(byKey, call('files__echo', { message: 'by a process' })))).toBe('by a process')
    expect(textOf(await ask(byKey, call('github__echo', { message: 'by HTTP' })))).toBe('by HTTP')
    for (const as of [jwt, opaque]) {
      const token = await as.token(['mcp:tool:get_time'], resource)
      const bearer = { authorization: `Bearer ${token}` }
      expect((await ask(bearer, call('get_time'))).status).toBe(200)
      const lacking = await ask(bearer, call('echo', { message: 'x' }))
      expect([lacking.status, lacking.headers['www-authenticate']]).toEqual([
        403,
        expect.stringContaining('scope="mcp:tool:echo"'),
      ])
      expect(lacking.headers['www-authenticate']).toContain(
        'https://mcp.example.com/.well-known/oauth-protected-resource/mcp',
      )
    }
    expect((await ask(byKey, call('get_time'), 'evil.example.com')).status).toBe(403)
    expect((await post(inner.url, key, call('get_time'))).status).toBe(401)
    expect(administer(dir, 'keys', 'revoke', 'ci', '--yes').code).toBe(0)
    await eventually(async () => (await ask(byKey, call('get_time'))).status === 401)
    expect(running.errors()).not.toContain(opaque.clientSecret)
    expect(await running.stop()).toBe(0)
    expect(administer(dir, 'audit', 'verify').code).toBe(0)
    expect(administer(dir, 'doctor', '--json').stdout).toContain('"configuration"')
  })
})
