import type { Action, ActionKind } from '../src/index.ts'

/**
 * The grammar once more, as slowly and plainly as it can be said: patterns are arrays of units, matching is recursion over them. It knows nothing of
 * `src` and is right only for the short texts and few schemes that `generate.ts` makes.
 */
type Unit = { readonly char: string } | { readonly wild: '*' | '**' | 'dirs' }

interface Line {
  readonly deny: boolean
  readonly kinds: readonly string[]
  readonly server: string
  /** Undefined: everything. */
  readonly pattern: readonly Unit[] | undefined
}

export function expectedOf(
  grants: readonly string[],
  action: Action,
): 'granted' | 'no_grant' | 'denied' | 'invalid_name' {
  if (!isValid(action)) return 'invalid_name'
  const lines = grants.map(read)
  if (lines.some((line) => line.deny && meets(line, action))) return 'denied'
  return lines.some((line) => !line.deny && meets(line, action)) ? 'granted' : 'no_grant'
}

function read(text: string): Line {
  const deny = text.startsWith('!')
  const body = text.replace(/^!/, '')
  if (body === '*') return { deny, kinds: ['tool', 'resource', 'prompt', 'server'], server: '*', pattern: undefined }
  const [, kind = 'tool', rest = ''] = /^(?:(tool|resource|prompt|server|admin):)?(.*)$/su.exec(body) ?? []
  if (rest === '*' && body !== rest) return { deny, kinds: [kind], server: '*', pattern: undefined }
  const [, server, name] = /^([a-z0-9-]+|\*)\/(.*)$/su.exec(rest) ?? [undefined, deny ? '*' : 'local', rest]
  const pattern = kind === 'resource' ? uriUnits(name ?? '') : nameUnits(name ?? '')
  return { deny, kinds: [kind], server: server ?? '', pattern }
}

function nameUnits(name: string): Unit[] {
  return name
    .split('*')
    .flatMap((part, i): Unit[] => [
      ...(i === 0 ? [] : [{ wild: '*' as const }]),
      ...[...decodeURIComponent(part)].map((char) => ({ char })),
    ])
}

function uriUnits(pattern: string): Unit[] {
  const canonical = canonicalPattern(pattern)
  const units: Unit[] = []
  for (let i = 0; i < canonical.length; i++) {
    const before = canonical.slice(0, i)
    if (canonical.startsWith('**/', i) && before.endsWith('/') && !/^[^/]*:\/\/$/.test(before)) {
      units.push({ wild: 'dirs' })
      i += 2
    } else if (canonical.startsWith('**', i)) {
      units.push({ wild: '**' })
      i += 1
    } else {
      units.push(canonical[i] === '*' ? { wild: '*' } : { char: canonical[i] as string })
    }
  }
  return units
}

function canonicalPattern(pattern: string): string {
  const ascii = pattern
    .replace(/[^\u0021-\u007e]/gu, (char) => encodeURIComponent(char))
    .replace(/%../g, (escape) => escape.toUpperCase())
    .replace(/^[A-Za-z]+:/, (scheme) => scheme.toLowerCase())
  const [, scheme, host, rest = ''] = /^(https?):\/\/([^/?]*)(.*)$/.exec(ascii) ?? []
  if (host === undefined) return ascii
  const path = rest.startsWith('/') || (rest === '' && host.endsWith('**')) ? rest : `/${rest}`
  return `${scheme}://${host.toLowerCase()}${path}`
}

function meets(line: Line, { kind, server, name }: Action): boolean {
  if (!line.kinds.includes(kind) || !(line.server === '*' || line.server === server)) return false
  const { pattern, deny } = line
  if (pattern === undefined) return true
  if (kind !== 'resource') return matches(pattern, [...name], deny ? () => true : (char) => /[A-Za-z0-9_.-]/.test(char))
  const inSegment = (char: string): boolean => char !== '/'
  if (!deny) return matches(pattern, name.split(''), inSegment)
  const folded = uriUnits(unescapeSome(line.pattern?.map(textOf).join('') ?? ''))
  return spellings(name).some((form) => [pattern, folded].some((units) => matches(units, form.split(''), inSegment)))
}

const textOf = (unit: Unit): string => ('char' in unit ? unit.char : unit.wild === 'dirs' ? '**/' : unit.wild)

/** A `*` that was written as an escape must not become a wildcard, so it stays one. */
const unescapeSome = (text: string): string =>
  text.replace(/%(?:21|24|26|27|28|29|2B|2C|3A|3B|3D|40)/g, decodeURIComponent)

/** Itself; and unescaped, with and without parameters, each with the last slash and without. */
function spellings(uri: string): string[] {
  const plain = unescapeSome(uri)
  const bare = plain.replace(/;[^/]*/g, '')
  const others = [plain, bare].flatMap((form) => [form, form.endsWith('/') ? form.slice(0, -1) : `${form}/`])
  return [uri, ...others]
}

function matches(pattern: readonly Unit[], text: readonly string[], runs: (char: string) => boolean): boolean {
  const [unit, ...rest] = pattern
  if (unit === undefined) return text.length === 0
  const [char, ...after] = text
  if ('char' in unit) return char === unit.char && matches(rest, after, runs)
  for (let length = 0; length <= text.length; length++) {
    const eaten = text.slice(0, length)
    if (unit.wild === '*' && !eaten.every(runs)) return false
    if (unit.wild === 'dirs' && length > 0 && eaten.at(-1) !== '/') continue
    if (matches(rest, text.slice(length), runs)) return true
  }
  return false
}

const KINDS: readonly ActionKind[] = ['tool', 'resource', 'prompt', 'server', 'admin']

function isValid({ kind, server, name }: Action): boolean {
  if (!KINDS.includes(kind) || !/^[a-z0-9-]+$/.test(server)) return false
  return kind === 'resource' ? isCanonical(name) : name !== '' && !/[\p{Cc}\u202e]/u.test(name)
}

function isCanonical(uri: string): boolean {
  const [, scheme, slashes, authority = '', path = ''] = /^([a-z][a-z0-9]+):(?:(\/\/)([^/]*))?(.*)$/s.exec(uri) ?? []
  if (scheme === undefined || !URL.canParse(uri) || new URL(uri).href !== uri) return false
  if (slashes === undefined && (path === '' || /^(?:file|https?)$/.test(scheme))) return false
  if ((scheme === 'file' && authority !== '') || /@|%40/.test(authority)) return false
  if (/^\.|\.$|\.\./.test(authority) || (authority === '' && path === '')) return false
  if (/[^\x21-\x7e]|[\\[\]{}"<>^`|#]/.test(uri)) return false
  const escapes = uri.match(/%.{0,2}/g) ?? []
  if (
    !isUtf8(uri) ||
    escapes.some(
      (escape) =>
        !/^%[0-9A-F]{2}$/.test(escape) || /^%(?:[46][1-9A-F]|[57][0-9A]|3[0-9]|2[DEF]|5[CF]|7E)$/.test(escape),
    )
  )
    return false
  const segments = path.split('/').slice(path.startsWith('/') ? 1 : 0)
  return segments.every((segment, i) => {
    const name = segment.replace('%3B', ';').replace(/;.*$/, '')
    if (segment === '') return i === segments.length - 1
    return name !== '' && name !== '.' && name !== '..'
  })
}

function isUtf8(escaped: string): boolean {
  try {
    return decodeURIComponent(escaped) !== ''
  } catch {
    return false
  }
}
