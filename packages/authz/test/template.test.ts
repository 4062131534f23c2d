import { describe, expect, it } from 'vitest'
import { compileGrants } from '../src/index.ts'

const shows = (grants: string[], template: string, server = 'local'): boolean =>
  compileGrants(grants).allowsTemplate(server, template)

describe('allowsTemplate', () => {
  it('is true where an expansion meets an allow', () => {
    expect(shows(['resource:file:///data/**'], 'file:///{+path}')).toBe(true)
    expect(shows(['resource:file:///data/**'], 'file:///data/{name}')).toBe(true)
    expect(shows(['resource:file:///data/a.txt'], 'file:///data/{name}')).toBe(true)
    expect(shows(['resource:file:///data/**'], 'file:///{dir}/{name}')).toBe(true)
    expect(shows(['resource:db://t/*'], 'db://{table}/{id}')).toBe(true)
    expect(shows(['resource:db://t/*'], '{+uri}')).toBe(true)
    expect(shows(['resource:https://x/a?q=1'], 'https://x/a{?q}')).toBe(true)
    expect(shows(['*'], 'note://{id}')).toBe(true)
  })

  it('is false where none does', () => {
    expect(shows([], 'file:///{x}')).toBe(false)
    expect(shows(['tool:*'], 'file:///{x}')).toBe(false)
    expect(shows(['resource:file:///data/**'], 'file:///etc/{name}')).toBe(false)
    expect(shows(['resource:file:///data/a/b'], 'file:///{x}')).toBe(false)
    expect(shows(['resource:file:///data/a/b'], 'file:///data/{name}')).toBe(false)
    expect(shows(['resource:file:///data/**'], 'file:///data/{name}', 'files')).toBe(false)
    expect(shows(['resource:file:///data/**'], 'note://{name}')).toBe(false)
  })

  it('is false where a deny covers the template or all that is allowed of it', () => {
    expect(shows(['*', '!resource:*'], 'note://{id}')).toBe(false)
    expect(shows(['*', '!*'], 'note://{id}')).toBe(false)
    expect(shows(['*', '!resource:note://**'], 'note://{id}')).toBe(false)
    expect(shows(['*', '!resource:note://*'], 'note://{id}')).toBe(false)
    expect(shows(['*', '!resource:note://*'], 'note://{+id}')).toBe(true)
    expect(shows(['*', '!resource:note://secret'], 'note://{id}')).toBe(true)
    expect(shows(['*', '!resource:x/note://**'], 'note://{id}')).toBe(true)
    expect(shows(['resource:file:///a/**', '!resource:file:///a/**'], 'file:///{+p}')).toBe(false)
    expect(shows(['*', '!resource:file:///a/**/b'], 'file:///a/b')).toBe(false)
  })

  it('hides templates that are malformed or can only expand to refused URIs', () => {
    for (const template of [
      '',
      'file:///{',
      'file:///}',
      'file:///{}',
      'file:///../{x}',
      'no-scheme/{x}',
      `note://${'a'.repeat(2000)}`,
    ]) {
      expect(shows(['*'], template)).toBe(false)
    }
    expect(shows(['*'], 'note://{id}', 'Bad Server')).toBe(false)
  })
})
