import { expect, test } from 'vitest'
import { protectedResourceMetadata, type ResourceMetadataOptions } from '../src/index.ts'

const authorizationServers = ['https://id.example']

test('the document and where it is served', () => {
  const metadata = protectedResourceMetadata({
    resource: 'https://mcp.example/mcp',
    authorizationServers,
    scopes: ['mcp:server:access', 'offline_access', 'mcp:server:access'],
    resourceName: 'Notes',
    resourceDocumentation: 'https://mcp.example/docs',
  })
  expect(metadata).toEqual({
    path: '/.well-known/oauth-protected-resource/mcp',
    rootPath: '/.well-known/oauth-protected-resource',
    url: 'https://mcp.example/.well-known/oauth-protected-resource/mcp',
    document: {
      resource: 'https://mcp.example/mcp',
      authorization_servers: authorizationServers,
      scopes_supported: ['mcp:server:access'],
      bearer_methods_supported: ['header'],
      resource_name: 'Notes',
      resource_documentation: 'https://mcp.example/docs',
    },
  })
  expect(Object.isFrozen(metadata.document)).toBe(true)
})

test('the path is put behind the well-known segment', () => {
  const path = (resource: string): string => protectedResourceMetadata({ resource, authorizationServers }).path
  expect(path('https://mcp.example')).toBe('/.well-known/oauth-protected-resource')
  expect(path('https://mcp.example/')).toBe('/.well-known/oauth-protected-resource')
  expect(path('https://mcp.example/a/b')).toBe('/.well-known/oauth-protected-resource/a/b')
  expect(path('https://mcp.example/a?b=c')).toBe('/.well-known/oauth-protected-resource/a?b=c')
  expect(path('http://localhost:3000/mcp')).toBe('/.well-known/oauth-protected-resource/mcp')
  const { document } = protectedResourceMetadata({
    resource: 'https://mcp.example',
    authorizationServers,
    scopes: ['offline_access'],
  })
  expect(Object.keys(document)).toEqual(['resource', 'authorization_servers', 'bearer_methods_supported'])
})

test('what makes no sense is refused', () => {
  const good = { resource: 'https://mcp.example/mcp', authorizationServers }
  for (const more of [
    { resource: 'http://mcp.example/mcp' },
    { resource: 'https://mcp.example/#x' },
    { resource: '/mcp' },
    { authorizationServers: [] },
    { authorizationServers: ['http://id.example'] },
    { scopes: ['a b'] },
    { scopes: ['a"'] },
    { scopes: 'a' },
    { resourceName: '' },
    { resourceDocumentation: 'javascript:alert(1)' },
    { scope: [] },
  ]) {
    const options = { ...good, ...more } as unknown as ResourceMetadataOptions
    expect(() => protectedResourceMetadata(options)).toThrow(expect.objectContaining({ code: 'ERR_OAUTH2_OPTIONS' }))
  }
})
