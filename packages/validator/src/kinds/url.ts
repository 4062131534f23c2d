import { fold } from '../decode/fold.ts'
import { percentDecode } from '../decode/percent.ts'
import type { RuleId } from '../findings/rules.ts'
import { classifyHost } from '../net/host.ts'
import { isAlnum, isLetter, isSpace } from '../text/chars.ts'

export interface UrlOptions {
  /** In lower case, without the colon. Default `http` and `https`. */
  readonly schemes?: readonly string[] | undefined
  /** `example.com`, `*.example.com`; absent: any that is not private. */
  readonly hosts?: readonly string[] | undefined
  /** Default true. */
  readonly denyPrivate?: boolean | undefined
  /** References without a scheme (`/a/b?c`) are accepted. Default true. */
  readonly allowRelative?: boolean | undefined
}

export interface UrlProblem {
  readonly ruleId: RuleId
  readonly detail?: string
}

const MAX_URL_CHARS = 8192
const WEB = ['http', 'https']
/** Schemes whose authority every parser reads as that of `http`. */
const SPECIAL = new Set([...WEB, 'ftp', 'ws', 'wss'])

/** What is wrong with a URL: parsers that differ about it, schemes, user names, hosts, private addresses in any spelling. Names are not resolved here: see `safeLookup`. */
export function checkUrl(
  text: string,
  { schemes = WEB, hosts, denyPrivate = true, allowRelative = true }: UrlOptions,
): UrlProblem | undefined {
  if (text.length > MAX_URL_CHARS) return { ruleId: 'value.too_long', detail: `limit ${MAX_URL_CHARS}` }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code === 0x7f) return { ruleId: 'value.control' }
  }
  const value = text.trim()
  if (value === '') return undefined
  const colon = schemeEnd(value)
  if (colon < 0) {
    // Encoded as a whole, or written in other letters: some reader will see the URL in it.
    const read = readAgain(value)
    if (read !== undefined && (schemeEnd(read) > 0 || read.startsWith('//') || read.startsWith('\\')))
      return { ruleId: 'url.malformed', detail: 'the scheme is encoded' }
    if (value.startsWith('//') || value.startsWith('\\') || value.startsWith('/\\'))
      return (
        judgeAuthority(`http:${value.replaceAll('\\', '/')}`, 'http', hosts, denyPrivate) ?? {
          ruleId: 'url.malformed',
          detail: 'no scheme',
        }
      )
    if (/^[^/?#]*:\/\//.test(value.slice(0, 64))) return { ruleId: 'url.malformed', detail: 'no scheme is written so' }
    if (!allowRelative) return { ruleId: 'url.scheme', detail: 'no scheme' }
    // `http?` and `localhost/x` without a scheme are hosts to some readers.
    if (/^(https?|ftps?|php|file)\W?$/i.test(value)) return { ruleId: 'url.include' }
    return value.startsWith('/') || value.startsWith('?') || value.startsWith('#') || value.startsWith('.')
      ? undefined
      : bareHost(value, hosts, denyPrivate)
  }
  const scheme = value.slice(0, colon).toLowerCase()
  if (!schemes.includes(scheme)) return { ruleId: 'url.scheme' }
  if (!SPECIAL.has(scheme)) return checkOther(value, scheme, hosts, denyPrivate)
  if (
    !value.startsWith('//', colon + 1) ||
    value.charCodeAt(colon + 3) === 0x2f ||
    value.charCodeAt(colon + 3) === 0x5c
  )
    return { ruleId: 'url.malformed', detail: 'not two slashes' }
  return judgeAuthority(value, scheme, hosts, denyPrivate)
}

/** Of a scheme that parsers do not know the authority is judged as that of `http`; the rest of the URL is the scheme's. */
function checkOther(
  value: string,
  scheme: string,
  hosts: readonly string[] | undefined,
  denyPrivate: boolean,
): UrlProblem | undefined {
  const rest = value.slice(scheme.length + 1)
  if (/^[/\\]{2}/.test(rest)) {
    if (rest.includes('\\')) return { ruleId: 'url.malformed', detail: 'a backslash' }
    const authority = rest.slice(2).split(/[/?#]/, 1)[0] ?? ''
    // `file:///a` names no host.
    if (authority !== '') return judgeAuthority(`http://${authority}`, 'http', hosts, denyPrivate)
  }
  return hosts === undefined ? undefined : { ruleId: 'url.host', detail: 'no host is named' }
}

function readAgain(value: string): string | undefined {
  let text = value
  for (let round = 0; round < 4; round++) {
    const next = fold(percentDecode(text) ?? text) ?? percentDecode(text)
    if (next === undefined || next === text) break
    text = next
  }
  return text === value ? undefined : text
}

function schemeEnd(value: string): number {
  if (!isLetter(value.charCodeAt(0))) return -1
  for (let i = 1; i < Math.min(value.length, 32); i++) {
    const code = value.charCodeAt(i)
    if (code === 0x3a)
      return /^\d{1,5}($|[/?#])/.test(value.slice(i + 1, i + 8)) && value.slice(0, i).includes('.') ? -1 : i
    if (!isAlnum(code) && code !== 0x2b && code !== 0x2d && code !== 0x2e) return -1
  }
  return -1
}

function judgeAuthority(
  value: string,
  scheme: string,
  hosts: readonly string[] | undefined,
  denyPrivate: boolean,
): UrlProblem | undefined {
  const start = scheme.length + 3
  let end = start
  while (end < value.length && !'/?#'.includes(value.charAt(end))) {
    const code = value.charCodeAt(end)
    if (code === 0x5c || isSpace(code)) return { ruleId: 'url.malformed', detail: 'a backslash or a space in the host' }
    end++
  }
  const authority = value.slice(start, end)
  let url: URL
  try {
    url = new URL(value)
  } catch {
    return { ruleId: 'url.malformed' }
  }
  const host = url.hostname
  const allowed = hosts?.some((pattern) => matches(pattern, host))
  if (allowed === false) return { ruleId: 'url.host' }
  if (denyPrivate && allowed !== true && classifyHost(host) === 'private') return { ruleId: 'url.private' }
  if (authority.includes('@')) return { ruleId: 'url.userinfo' }
  // A second reader must see the host that we see.
  const written = authority.replace(/:\d*$/, '').toLowerCase()
  if (written !== host && !host.startsWith('xn--') && !host.includes('.xn--') && !host.startsWith('['))
    return { ruleId: 'url.malformed', detail: 'the host is written in a form that parsers differ about' }
  const rest = value.slice(end)
  if (rest === '?' || /\.(php|txt|inc|asp|jsp)\?$/i.test(rest)) return { ruleId: 'url.include' }
  return undefined
}

/** `127.0.0.1/x`, `localhost`: a host that somebody will put `http://` before. Words without dots and digits are names of pages. */
function bareHost(value: string, hosts: readonly string[] | undefined, denyPrivate: boolean): UrlProblem | undefined {
  const host = value.split(/[/?#]/, 1)[0]?.toLowerCase() ?? ''
  const name = host.replace(/:\d{1,5}$/, '')
  const looksLikeHost =
    /^[\d.]+$/.test(name) ||
    /^0x[\da-f.x]+$/.test(name) ||
    name === 'localhost' ||
    name.startsWith('[') ||
    name.includes('@') ||
    name.endsWith('.internal') ||
    name.startsWith('metadata')
  return looksLikeHost ? judgeAuthority(`http://${value}`, 'http', hosts, denyPrivate) : undefined
}

function matches(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase()
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) && host.length > wanted.length - 1 : host === wanted
}
