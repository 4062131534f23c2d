import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ANY, covers, DIRS, intersects, matches, RUN, type Token } from '../src/glob.ts'
import { canonicalResourceUri, compileGrants } from '../src/index.ts'

const noSlash = (code: number): boolean => code !== 0x2f

/** The oracle: the same pattern as a regular expression, on short texts where backtracking does no harm. */
const regex = (tokens: readonly Token[]): RegExp =>
  new RegExp(`^${tokens.map((t) => (t === RUN ? '[^/]*' : t === ANY ? '.*' : t === DIRS ? '(?:.*/)?' : t)).join('')}$`)

const token = fc.oneof(fc.constantFrom<Token>(RUN, ANY, DIRS), fc.constantFrom<Token>('a', 'b', '/', 'ab', 'a/'))
const pattern = fc.array(token, { maxLength: 6 })
const text = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 })

describe('globs', () => {
  it('match as the regular expression does', () => {
    fc.assert(
      fc.property(pattern, text, (tokens, value) => {
        expect(matches(tokens, value, noSlash)).toBe(regex(tokens).test(value))
      }),
      { numRuns: 2000 },
    )
  })

  it('meet wherever a text is matched by both; cover only where no text escapes', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.array(text, { maxLength: 30 }), (a, b, texts) => {
        const both = texts.some((value) => matches(a, value, noSlash) && matches(b, value, noSlash))
        if (both) expect(intersects(a, b, noSlash)).toBe(true)
        const escapes = texts.some((value) => matches(b, value, noSlash) && !matches(a, value, noSlash))
        if (escapes) expect(covers(a, b, noSlash)).toBe(false)
      }),
      { numRuns: 3000 },
    )
  })

  it('a pattern meets and covers itself and each of its texts', () => {
    fc.assert(
      fc.property(pattern, text, (tokens, value) => {
        expect(intersects(tokens, tokens, noSlash)).toBe(true)
        expect(covers(tokens, tokens, noSlash)).toBe(true)
        const exact = value === '' ? [] : [value]
        expect(covers(tokens, exact, noSlash)).toBe(matches(tokens, value, noSlash))
        expect(intersects(tokens, exact, noSlash)).toBe(matches(tokens, value, noSlash))
      }),
      { numRuns: 1000 },
    )
  })

  it('finish on the patterns that make backtracking matchers hang', () => {
    const tokens: Token[] = []
    for (let i = 0; i < 60; i++) tokens.push('a', RUN)
    tokens.push('b')
    expect(matches(tokens, 'a'.repeat(1024), noSlash)).toBe(false)
    expect(
      compileGrants([`${'a*'.repeat(500)}b`]).decide({ kind: 'tool', server: 'local', name: 'a'.repeat(1024) }).allowed,
    ).toBe(false)
  })
})

const encode = (name: string): string =>
  [...Buffer.from(name)].map((b) => `%${b.toString(16).padStart(2, '0').toUpperCase()}`).join('')

describe('grants', () => {
  const nameChar = fc.constantFrom(...'abAB09_.-'.split(''))
  const anyChar = fc.oneof(nameChar, fc.constantFrom(' ', '/', '%', '*', 'é', '日', '!', ':'))

  it('an escaped name is matched by its own grant and by no other', () => {
    const name = fc.string({ unit: anyChar, minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(name, name, (a, b) => {
        const grants = compileGrants([encode(a)])
        expect(grants.decide({ kind: 'tool', server: 'local', name: a }).allowed).toBe(true)
        expect(grants.decide({ kind: 'tool', server: 'local', name: b }).allowed).toBe(a === b)
      }),
    )
  })

  it('adding a deny never allows more, adding an allow never allows less unless it is denied', () => {
    const line = fc.constantFrom('*', 'tool:*', 'a*', '*b', 'x/a*', '*/ab', 'a*b', 'ab', 'resource:**', 'prompt:a')
    const action = fc.record({
      kind: fc.constantFrom('tool' as const, 'prompt' as const),
      server: fc.constantFrom('local', 'x', 'y'),
      name: fc.string({ unit: fc.constantFrom('a', 'b', ' '), minLength: 1, maxLength: 4 }),
    })
    fc.assert(
      fc.property(fc.array(line), fc.array(line), line, action, (allows, denies, extra, asked) => {
        const all = [...allows, ...denies.map((d) => `!${d}`)]
        const before = compileGrants(all).decide(asked)
        const moreDenied = compileGrants([...all, `!${extra}`]).decide(asked)
        const moreAllowed = compileGrants([extra, ...all]).decide(asked)
        if (!before.allowed) expect(moreDenied.allowed).toBe(false)
        if (before.allowed) expect(moreAllowed.allowed).toBe(true)
        if (before.reason === 'denied') expect(moreAllowed.reason).toBe('denied')
      }),
      { numRuns: 500 },
    )
  })

  it('never throws on an action, whatever its text', () => {
    const grants = compileGrants(['*', 'get_*', 'resource:file:///**', '!resource:note://x/**', '!*secret*'])
    const kind = fc.constantFrom('tool' as const, 'resource' as const, 'admin' as const)
    fc.assert(
      fc.property(kind, fc.string(), fc.string({ unit: 'binary' }), (k, server, name) => {
        expect(typeof grants.decide({ kind: k, server, name }).allowed).toBe('boolean')
        expect(typeof grants.allowsTemplate('local', name)).toBe('boolean')
      }),
      { numRuns: 500 },
    )
  })
})

describe('canonical URIs', () => {
  it('are stable, and what URL reads is what was decided on', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      '.',
      '..',
      '/',
      '//',
      '%41',
      '%2F',
      '%3a',
      '%25',
      ' ',
      '?',
      '#',
      '@',
      ':',
      '\\',
      'é',
      '日',
      '%E6%97%A5',
      '[',
      ';',
      "'",
      '*',
    )
    const scheme = fc.constantFrom('file:///', 'http://h/', 'HTTPS://H:443', 'note://', 'urn:', 'x-y:/', 'ws:')
    fc.assert(
      fc.property(scheme, fc.array(piece, { maxLength: 8 }), (start, pieces) => {
        const canonical = canonicalResourceUri(start + pieces.join(''))
        if (canonical === undefined) return
        expect(canonicalResourceUri(canonical)).toBe(canonical)
        expect(new URL(canonical).href).toBe(canonical)
        expect(new URL(canonical).pathname.split('/')).not.toContain('..')
        expect(/^[\x21-\x7e]+$/.test(canonical)).toBe(true)
        expect(compileGrants([`resource:${canonical.replaceAll('*', '%2A')}`])).toBeDefined()
      }),
      { numRuns: 3000 },
    )
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), (uri) => {
        const canonical = canonicalResourceUri(uri)
        expect(canonical === undefined || typeof canonical === 'string').toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
