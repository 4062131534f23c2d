import { describe, expect, it } from 'vitest'
import { createPolicy } from '../src/index.ts'
import { call, key } from './support.ts'

describe('argument rules', () => {
  const policy = createPolicy({
    rules: [{ match: 'github/create_issue', arguments: { repo: ['sandbox-*', 'acme/**', 'exact'] } }],
  })
  const decide = (args?: Record<string, unknown>) =>
    policy.decide(key('github/*'), call('create_issue', args, 'github'))

  it('a listing asks whether some arguments would be allowed', () => {
    expect(decide()).toMatchObject({ allowed: true, argumentRules: true })
    expect(policy.decide(key('*'), call('other')).argumentRules).toBe(false)
  })

  it.each(['sandbox-1', 'sandbox-', 'exact', 'acme/a/b', 'sandbox-a.b', 'acme/..x', 'sandbox-日'])(
    '%j is allowed',
    (repo) => {
      expect(decide({ repo })).toMatchObject({ allowed: true, argumentRules: true })
      expect(decide({ repo: [repo, 'exact'] })).toMatchObject({ allowed: true })
    },
  )

  it.each([
    [{}, '/repo'],
    [{ repo: undefined }, '/repo'],
    [{ repo: null }, '/repo'],
    [{ repo: 1 }, '/repo'],
    [{ repo: { toString: 'exact' } }, '/repo'],
    [{ repo: [] }, '/repo'],
    [{ repo: ['exact', 'prod'] }, '/repo/1'],
    [{ repo: [['exact']] }, '/repo/0'],
    [{ repo: 'prod' }, '/repo'],
    [{ repo: '' }, '/repo'],
    [{ repo: 'xsandbox-1' }, '/repo'],
    [{ repo: 'sandbox-1/../prod' }, '/repo'],
    [{ repo: 'sandbox-1/x' }, '/repo'],
    [{ repo: 'sandbox-1\\x' }, '/repo'],
    [{ repo: 'acme/../prod' }, '/repo'],
    [{ repo: 'acme/a\\..\\..\\prod' }, '/repo'],
    [{ repo: 'acme/./x' }, '/repo'],
    [{ repo: 'sandbox-1\u0000' }, '/repo'],
    [{ repo: 'sandbox-1\n' }, '/repo'],
    [{ repo: `sandbox-${'a'.repeat(5000)}` }, '/repo'],
    [{ Repo: 'exact' }, '/repo'],
    [JSON.parse('{"__proto__":{"repo":"exact"}}'), '/repo'],
    [Object.create({ repo: 'exact' }), '/repo'],
  ])('%j is refused at %s', (args, pointer) => {
    expect(decide(args)).toMatchObject({
      allowed: false,
      reason: 'argument',
      rule: 'policy.rules[0]',
      argument: pointer,
    })
  })

  it('arguments that are no object hold nothing', () => {
    for (const args of [null, 'exact', ['exact'], 5]) {
      expect(decide(args as unknown as Record<string, unknown>)).toMatchObject({ allowed: false, reason: 'argument' })
    }
  })

  it('all rules that match must hold, and pointers are escaped', () => {
    const both = createPolicy({
      rules: [
        { match: '*', arguments: { 'a/b~': ['**'] } },
        { match: 'echo', arguments: { x: ['1'] } },
      ],
    })
    expect(both.decide(key('*'), call('echo', { x: '1' }))).toMatchObject({
      argument: '/a~1b~0',
      rule: 'policy.rules[0]',
    })
    expect(both.decide(key('*'), call('echo', { 'a/b~': '../any\n', x: '2' }))).toMatchObject({
      argument: '/x',
      rule: 'policy.rules[1]',
    })
    expect(both.decide(key('*'), call('echo', { 'a/b~': '', x: '1' })).allowed).toBe(true)
    expect(both.decide(key('*'), call('echo', {}))).toMatchObject({ argument: '/a~1b~0', rule: 'policy.rules[0]' })
  })
})

describe('a constraint on one argument', () => {
  const rule = (name: string) => ({ match: 'create_issue', arguments: Object.fromEntries([[name, ['sandbox-*']]]) })
  const policy = createPolicy({ rules: [rule('repo')] })
  const decide = (args: unknown) => policy.decide(key('*'), call('create_issue', args as Record<string, unknown>))
  const good = 'sandbox-1'
  class Inherits {
    get repo(): string {
      return good
    }
  }
  const sparse = [good]
  sparse.length = 2

  it('lets through a string that matches, and arrays of such', () => {
    for (const repo of [good, [good], [good, 'sandbox-2'], 'sandbox-']) {
      expect(decide({ repo })).toMatchObject({ allowed: true, reason: 'granted' })
    }
    expect(decide({ repo: good, other: null, owner: ['x', 1] }).allowed).toBe(true)
    expect(decide(Object.assign(Object.create(null), { repo: good })).allowed).toBe(true)
  })

  it.each<[string, unknown, string]>([
    ['absent', {}, '/repo'],
    ['undefined', { repo: undefined }, '/repo'],
    ['null', { repo: null }, '/repo'],
    ['a number', { repo: 1 }, '/repo'],
    ['a boolean', { repo: true }, '/repo'],
    ['an object', { repo: { name: good } }, '/repo'],
    ['an object that reads as the string', { repo: { toString: () => good } }, '/repo'],
    ['a String object', { repo: new String(good) }, '/repo'],
    ['an object that looks like an array', { repo: { 0: good, length: 1 } }, '/repo'],
    ['an empty array', { repo: [] }, '/repo'],
    ['a nested array', { repo: [[good]] }, '/repo/0'],
    ['an array with one bad element', { repo: [good, 'prod', good] }, '/repo/1'],
    ['an array with a number', { repo: [good, 1] }, '/repo/1'],
    ['an array with null', { repo: [null] }, '/repo/0'],
    ['an array with a hole', { repo: sparse }, '/repo/1'],
    ['another case', { REPO: good }, '/repo'],
    ['another name', { 'repo ': good }, '/repo'],
    ['below another argument', { input: { repo: good } }, '/repo'],
    ['inherited', Object.create({ repo: good }), '/repo'],
    ['a getter of the class', new Inherits(), '/repo'],
    ['__proto__ of JSON', JSON.parse('{"__proto__":{"repo":"sandbox-1"}}'), '/repo'],
    ['an array', [good], '/repo'],
    ['a string', good, '/repo'],
  ])('refuses it %s', (_what, args, argument) => {
    expect(decide(args)).toMatchObject({ allowed: false, reason: 'argument', rule: 'policy.rules[0]', argument })
  })

  it('holds for names that every object has', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty', 'valueOf']) {
      const own = createPolicy({ rules: [rule(name)] })
      const ask = (args: unknown) => own.decide(key('*'), call('create_issue', args as Record<string, unknown>))
      expect(ask({})).toMatchObject({ allowed: false, argument: `/${name}` })
      expect(ask({ repo: good })).toMatchObject({ allowed: false, argument: `/${name}` })
      expect(ask(JSON.parse(`{${JSON.stringify(name)}:"prod"}`)).allowed).toBe(false)
      expect(ask(JSON.parse(`{${JSON.stringify(name)}:"sandbox-1"}`)).allowed).toBe(true)
    }
  })

  it('ignores what a caller names like that beside it', () => {
    const args = JSON.parse('{"__proto__":{"x":1},"toString":"prod","constructor":[],"repo":"sandbox-1"}')
    expect(decide(args).allowed).toBe(true)
    expect(decide({ ...args, repo: 'prod' }).allowed).toBe(false)
  })
})
