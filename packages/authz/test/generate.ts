import fc from 'fast-check'
import { type Action, type ActionKind, compileGrants } from '../src/index.ts'

/**
 * Grants and actions that nearly meet: an action is made first, every line is a copy of it with a few changes, and the other actions that are asked
 * are copies too.
 */
export interface Asked {
  readonly grants: readonly string[]
  readonly actions: readonly Action[]
  /** Lines that were made and are malformed. */
  readonly dropped: number
}

const kind = fc.constantFrom<ActionKind>('tool', 'tool', 'resource', 'resource', 'prompt', 'server', 'admin')
const server = fc.constantFrom('local', 'local', 'github', 'githubenterprise', 'git')
const namePieces = ['get', 'set', '_', 'time', 'G', 'a', '-', '.', ' ', '/', 'é', '日', '😀', '*', '%', ':', 'get_time']
const oddPieces = ['\n', '\u202e']
const toolName = fc
  .tuple(fc.array(fc.constantFrom(...namePieces), { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: 60 }))
  .map(([pieces, odd]) => pieces.join('') + (oddPieces[odd] ?? ''))
const segment = fc.constantFrom('data', 'Data', 'a', 'a(b)', 'a%28b%29', '%C3%A9', 'data;v=1', 'secret', 's%3Bx', 'a.b')
const oddSegment = fc.constantFrom('..', '', '%41', 'a%2Fb', 'é', '%c3%a9', ';x')
const uriStart = fc.constantFrom('file:///', 'file:///', 'note://', 'https://h/', 'https://h.x/', 'urn:', 'https://H/')
const uri = fc
  .tuple(uriStart, fc.array(segment, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 9 }), oddSegment)
  .map(
    ([start, segments, odd, extra]) =>
      start + [...segments, ...(odd < 1 ? [extra] : []), ...(odd > 8 ? [''] : [])].join('/'),
  )

/** One change at a place, both as fractions so that they fit any text. */
const edit = fc.record({
  at: fc.nat(1000),
  length: fc.nat(6),
  what: fc.constantFrom(
    '*',
    '*',
    '*',
    '**',
    '/**',
    '/**/',
    'drop',
    'case',
    'respell',
    'slash',
    'a',
    ' ',
    'é',
    '/',
    '(',
  ),
})
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

/** What servers read as the same. */
const SPELLINGS: Record<string, string> = { '%28': '(', '%29': ')', '(': '%28', ')': '%29' }
const STARS = { one: '\uE100', two: '\uE101' }

/** Wildcards go in as marks, so that a star of the name itself stays apart. */
function apply(text: string, { at, length, what }: Edit): string {
  const chars = [...text]
  const start = at % (chars.length + 1)
  const run = chars.slice(start, start + length)
  if (what === 'drop') chars.splice(start, 1)
  else if (what === 'case')
    chars.splice(
      start,
      1,
      (chars[start] ?? '').replace(/[a-z]/i, (c) => (c < 'a' ? c.toLowerCase() : c.toUpperCase())),
    )
  else if (what === 'respell') return chars.join('').replace(/%2[89]|[()]/g, (one) => SPELLINGS[one] ?? one)
  else if (what === 'slash') chars.push('/')
  else if (what.includes('*')) chars.splice(start, run.length, what.replace('**', STARS.two).replace('*', STARS.one))
  else chars.splice(start, 0, what)
  return chars.join('')
}

const spelled = (name: string, all: boolean): string =>
  [...name]
    .map((char) => {
      if (char === STARS.one || char === STARS.two) return '*'
      if (!all && /[A-Za-z0-9_.-]/.test(char)) return char
      return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
    })
    .join('')

const recipe = fc.record({
  deny: fc.constantFrom(false, false, false, false, true),
  kind: fc.constantFrom('same', 'same', 'same', 'same', 'same', 'tool', 'admin', 'all', 'everything'),
  server: fc.constantFrom('same', 'same', 'same', 'none', 'none', '*', 'longer', 'shorter', 'local'),
  edits: fc.array(edit, { maxLength: 3 }),
  escapeAll: fc.constantFrom(false, false, false, true),
})
type Recipe = typeof recipe extends fc.Arbitrary<infer T> ? T : never

function serverOf(how: string, own: string): string {
  if (how === 'longer') return `${own}x/`
  if (how === 'shorter') return `${own.slice(0, -1)}/`
  return how === 'none' ? '' : how === 'same' ? `${own}/` : `${how}/`
}

function lineOf(target: Action, made: Recipe): string {
  const sign = made.deny ? '!' : ''
  if (made.kind === 'everything') return `${sign}*`
  if (made.kind === 'all') return `${sign}${target.kind}:*`
  const of = made.kind === 'same' ? target.kind : made.kind
  const name = made.edits.reduce(apply, target.name)
  const pattern =
    of === 'resource'
      ? name.replaceAll(STARS.one, '*').replaceAll(STARS.two, '**')
      : spelled(name, made.escapeAll).replaceAll('**', '*')
  return `${sign}${of === 'tool' && made.edits.length === 1 ? '' : `${of}:`}${serverOf(made.server, target.server)}${pattern}`
}

const variant = fc.record({
  kind: fc.constantFrom<'same' | ActionKind>('same', 'same', 'same', 'same', 'same', 'same', 'prompt', 'admin'),
  server: fc.constantFrom('same', 'same', 'same', 'same', 'longer', 'local'),
  edits: fc.array(
    edit.filter(({ what }) => !what.includes('*')),
    { maxLength: 2 },
  ),
})
type Variant = typeof variant extends fc.Arbitrary<infer T> ? T : never

function actionOf(target: Action, made: Variant): Action {
  return {
    kind: made.kind === 'same' || target.kind === 'resource' ? target.kind : made.kind,
    server: serverOf(made.server, target.server).slice(0, -1),
    name: made.edits.reduce(apply, target.name),
  }
}

/** True for a list that loads. */
export function loads(grants: readonly string[]): boolean {
  try {
    compileGrants(grants)
    return true
  } catch {
    return false
  }
}

const target = kind.chain((of) =>
  fc.record({ kind: fc.constant(of), server, name: of === 'resource' ? uri : toolName }),
)

export const asked: fc.Arbitrary<Asked> = fc
  .record({
    target,
    recipes: fc.array(recipe, { minLength: 1, maxLength: 5 }),
    variants: fc.array(variant, { minLength: 9, maxLength: 9 }),
  })
  .map(({ target: action, recipes, variants }) => {
    const lines = recipes.map((made) => lineOf(action, made))
    const grants = lines.filter((line) => loads([line]))
    return {
      grants,
      actions: [action, ...variants.map((made) => actionOf(action, made))],
      dropped: lines.length - grants.length,
    }
  })
