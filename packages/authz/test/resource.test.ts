import { describe, expect, it } from 'vitest'
import { type ActionKind, compileGrants } from '../src/index.ts'
import { act } from './support.ts'

const can = (grants: string[], kind: ActionKind, server: string, name: string): boolean =>
  compileGrants(grants).decide(act(kind, server, name)).allowed
const read = (grants: string[], uri: string, server = 'local'): boolean => can(grants, 'resource', server, uri)

describe('resources', () => {
  it('tells a server from a URI', () => {
    expect(read(['resource:file:///data/**'], 'file:///data/a/b')).toBe(true)
    expect(read(['resource:file:///data/**'], 'file:///data/a/b', 'files')).toBe(false)
    expect(read(['resource:files/file:///data/**'], 'file:///data/a/b', 'files')).toBe(true)
    expect(read(['resource:files/file:///data/**'], 'file:///data/a/b')).toBe(false)
    expect(read(['resource:*/file:///data/**'], 'file:///data/a/b', 'x')).toBe(true)
    expect(read(['resource:files/**'], 'note://x', 'files')).toBe(true)
    expect(read(['resource:**'], 'note://x', 'files')).toBe(false)
    expect(read(['resource:urn:isbn:*'], 'urn:isbn:123')).toBe(true)
    expect(read(['resource:x/urn:isbn:*'], 'urn:isbn:123', 'x')).toBe(true)
  })

  it('* stays inside a segment, ** does not, and two stars between slashes stand for no directory too', () => {
    expect(read(['resource:file:///data/*'], 'file:///data/a')).toBe(true)
    expect(read(['resource:file:///data/*'], 'file:///data/a/b')).toBe(false)
    expect(read(['resource:file:///data/*.txt'], 'file:///data/a.txt')).toBe(true)
    expect(read(['resource:file:///data/**/x'], 'file:///data/x')).toBe(true)
    expect(read(['resource:file:///data/**/x'], 'file:///data/1/2/x')).toBe(true)
    expect(read(['resource:file:///data/**/x'], 'file:///data/1/2/yx')).toBe(false)
    expect(read(['resource:file:///data/**'], 'file:///database')).toBe(false)
    expect(read(['resource:file:///**/x'], 'file:///x')).toBe(true)
    expect(read(['resource:https://h/**/x'], 'https://h/x')).toBe(true)
    expect(read(['resource:https://h/**/**/x'], 'https://h/x')).toBe(true)
    expect(read(['resource:note://**/x'], 'note://x')).toBe(false)
    expect(read(['resource:*', '!resource:file:///**/.ssh/**'], 'file:///.ssh/id')).toBe(false)
  })

  it('what stands after ** keeps its case where it may be a path', () => {
    expect(read(['resource:file://**Data/%C3%A9'], 'file:///x/Data/%C3%A9')).toBe(true)
    expect(read(['resource:*', '!resource:file://**Data/x'], 'file:///a/Data/x')).toBe(false)
    expect(read(['resource:https://Intra**.local/x'], 'https://intranet.local/x')).toBe(true)
  })

  it('a deny covers all that the same line without ! allows, parts of escapes too', () => {
    for (const [line, uri] of [
      ['resource:note://a*28', 'note://a%28'],
      ['resource:note://%28*28', 'note://%28%28'],
      ['resource:note://a*b(', 'note://a%28b('],
    ] as const) {
      expect([line, read([line], uri)]).toEqual([line, true])
      expect([line, read(['resource:*', `!${line}`], uri)]).toEqual([line, false])
    }
  })

  it('decides on canonical URIs only', () => {
    for (const uri of [
      'file:///data/../etc/passwd',
      'FILE:///data/a',
      'file:///data/%2e%2e/x',
      'file:///data//a',
      'data/a',
      '',
    ]) {
      expect(compileGrants(['*', 'resource:file:///data/**']).decide(act('resource', 'local', uri)).reason).toBe(
        'invalid_name',
      )
    }
  })

  it('patterns are canonicalised like URIs', () => {
    expect(read(['resource:HTTPS://Example.COM:443/**'], 'https://example.com/a')).toBe(true)
    expect(read(['resource:https://example.com'], 'https://example.com/')).toBe(true)
    expect(read(['resource:file:///a b/é'], 'file:///a%20b/%C3%A9')).toBe(true)
    expect(read(['resource:file:///%c3%a9'], 'file:///%C3%A9')).toBe(true)
  })

  it('a deny holds whatever host a file: URI names and however a host is ended', () => {
    const grants = ['resource:*', '!resource:http://intranet.local/**', '!resource:file:///data/secret/**']
    const read = (name: string): boolean => can(grants, 'resource', 'local', name)
    expect(read('http://intranet.local/x')).toBe(false)
    expect(read('http://intranet.local./x')).toBe(false)
    expect(read('http://intranet.locale/x')).toBe(true)
    expect(read('file:///data/secret/x')).toBe(false)
    expect(read('file://anything/data/secret/x')).toBe(false)
    expect(read('file://127.0.0.1/data/secret/x')).toBe(false)
    expect(read('file:///data/open/x')).toBe(true)
    expect(can(['resource:*', '!resource:file://*/data/**'], 'resource', 'local', 'file:///data/x')).toBe(false)
    expect(can(['resource:*', '!resource:file://**'], 'resource', 'local', 'file:///data/x')).toBe(false)
  })

  it('a deny is not escaped by path parameters, and an allow is not widened by them', () => {
    const grants = ['resource:*', '!resource:http://h/v1/admin/**', '!resource:http://h/v1/keys']
    const read = (name: string): boolean => can(grants, 'resource', 'local', name)
    for (const path of [
      'v1/admin;a=1/users',
      'v1;x/admin/users',
      'v1;x/admin;y;z/users;w?q=a;b',
      'v1/admin%3Ba=1/users',
      'v1/admin;/users',
      'v1/keys;a',
      'v1/keys;a/',
      'v1;a/keys/',
    ]) {
      expect([path, read(`http://h/${path}`)]).toEqual([path, false])
    }
    expect(read('http://h;x/v1/keys')).toBe(false)
    expect(read('http://h/v1/other?a=1;/admin/x')).toBe(true)
    expect(read('http://h/v1/administrators;a/x')).toBe(true)
    expect(can(['resource:http://h/v1/open/**'], 'resource', 'local', 'http://h/v1/open;a=1/x')).toBe(false)
    expect(can(['resource:*', '!resource:http://h/a;b=1/x'], 'resource', 'local', 'http://h/a;b=1/x')).toBe(false)
    expect(can(['resource:*', '!resource:http://h/a;b=1/x'], 'resource', 'local', 'http://h/a/x')).toBe(true)
  })

  it('a deny also covers spellings that servers read as the same', () => {
    const grants = ['*', '!resource:file:///secret', '!resource:file:///keys(1)', '!resource:file:///vault/**']
    expect(read(grants, 'file:///secret')).toBe(false)
    expect(read(grants, 'file:///secret/')).toBe(false)
    expect(read(grants, 'file:///keys%281%29')).toBe(false)
    expect(read(['*', '!resource:file:///keys%281%29'], 'file:///keys(1)')).toBe(false)
    expect(read(['*', '!resource:file:///k%28*'], 'file:///k(1)/')).toBe(false)
    expect(read(grants, 'file:///vault')).toBe(false)
    expect(read(grants, 'file:///vaults')).toBe(true)
    expect(read(['resource:file:///keys(1)'], 'file:///keys%281%29')).toBe(false)
    expect(read(['resource:note://a', '!resource:x/note://a'], 'note://a')).toBe(true)
  })
})
