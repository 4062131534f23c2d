import { classifyHost } from '../net/host.ts'
import type { RuleId } from '../findings/rules.ts'
import { isAlnum } from '../text/chars.ts'

export interface Problem {
  readonly ruleId: RuleId
  readonly at?: number
  readonly detail?: string
}

/** Letters and digits of any script, `_`, `.`, `:`, `-`, `@`, `/`, `+`, `=`; at most 256 characters. */
export function checkIdentifier(text: string): Problem | undefined {
  if (text.length > 256) return { ruleId: 'value.too_long', detail: 'limit 256' }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (isAlnum(code) || '_.:-@/+=#'.includes(text.charAt(i))) continue
    if (code > 0x7f && /[\p{L}\p{N}\p{M}]/u.test(String.fromCodePoint(text.codePointAt(i) as number))) {
      if (code >= 0xd800) i++
      continue
    }
    return { ruleId: 'value.malformed', at: i }
  }
  return text.includes('..') ? { ruleId: 'value.malformed', at: text.indexOf('..') } : undefined
}

/** RFC 1123 names and addresses. A zone, a port or brackets are no part of a host, except around IPv6. */
export function checkHost(
  text: string,
  hosts: readonly string[] | undefined,
  denyPrivate: boolean,
): Problem | undefined {
  if (text.length > 255 || text === '') return { ruleId: 'value.malformed' }
  let host: string
  try {
    const url = new URL(`http://${text.includes(':') && !text.startsWith('[') ? `[${text}]` : text}/`)
    host = url.hostname
    if (url.port !== '' || url.username !== '' || url.pathname !== '/' || url.search !== '' || url.hash !== '')
      return { ruleId: 'value.malformed' }
  } catch {
    return { ruleId: 'value.malformed' }
  }
  const allowed = hosts?.some((pattern) =>
    pattern.startsWith('*.') ? host.endsWith(pattern.slice(1).toLowerCase()) : host === pattern.toLowerCase(),
  )
  if (allowed === false) return { ruleId: 'url.host' }
  if (denyPrivate && allowed !== true && classifyHost(host) === 'private') return { ruleId: 'url.private' }
  const written = text.toLowerCase()
  const same =
    written === host || written === host.replace(/^\[|\]$/g, '') || host.includes('xn--') || host.startsWith('[')
  return same
    ? undefined
    : { ruleId: 'url.malformed', detail: 'the host is written in a form that parsers differ about' }
}

/** `local@domain` of RFC 5321 without quotes, comments and addresses in brackets. */
export function checkEmail(text: string): Problem | undefined {
  const at = text.lastIndexOf('@')
  if (text.length > 254 || at < 1 || at > 64 || text.indexOf('@') !== at) return { ruleId: 'value.malformed' }
  for (let i = 0; i < at; i++) {
    const code = text.charCodeAt(i)
    if (!isAlnum(code) && code < 0x80 && !"!#$%&'*+-/=?^_{|}~.".includes(text.charAt(i)))
      return { ruleId: 'value.malformed', at: i }
  }
  const domain = text.slice(at + 1)
  const labels = domain.split('.')
  const wellFormed = labels.every(
    (label) =>
      label.length > 0 &&
      label.length < 64 &&
      !label.startsWith('-') &&
      !label.endsWith('-') &&
      /^[\p{L}\p{N}-]+$/u.test(label),
  )
  return wellFormed ? undefined : { ruleId: 'value.malformed', at: at + 1 }
}

const MAX_REGEX_CHARS = 1000

/** Whether matching may take more than linear time: repetition in repetition, references to groups, looking around; or the text is no expression. */
export function checkRegex(text: string): Problem | undefined {
  if (text.length > MAX_REGEX_CHARS) return { ruleId: 'value.too_long', detail: `limit ${MAX_REGEX_CHARS}` }
  // For each open group: whether something in it repeats without bound.
  const repeats: boolean[] = [false]
  let closed = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    let justClosed = false
    if (char === '\\') {
      const next = text.charCodeAt(i + 1)
      if ((next >= 0x31 && next <= 0x39) || (next === 0x6b && text.charAt(i + 2) === '<'))
        return { ruleId: 'regex.backtracking', at: i, detail: 'a reference to a group' }
      i++
    } else if (char === '[') {
      i++
      if (text.charAt(i) === '^') i++
      while (i < text.length && text.charAt(i) !== ']') i += text.charAt(i) === '\\' ? 2 : 1
    } else if (char === '(') {
      if (text.charAt(i + 1) === '?' && /^[=!]|^<[=!]/.test(text.slice(i + 2, i + 4)))
        return { ruleId: 'regex.backtracking', at: i, detail: 'it looks around' }
      repeats.push(false)
    } else if (char === ')') {
      closed = repeats.pop() ?? false
      if (repeats.length === 0) return { ruleId: 'value.malformed', at: i }
      justClosed = true
      if (closed) repeats[repeats.length - 1] = true
    } else if (char === '*' || char === '+' || (char === '{' && /^\{\d*,\d*\}/.test(text.slice(i, i + 16)))) {
      if (text.charAt(i - 1) === ')' && closed)
        return { ruleId: 'regex.backtracking', at: i, detail: 'repetition in repetition' }
      repeats[repeats.length - 1] = true
    }
    if (!justClosed && char !== ')') closed = false
  }
  try {
    return new RegExp(text) instanceof RegExp ? undefined : { ruleId: 'value.malformed' }
  } catch {
    return { ruleId: 'value.malformed' }
  }
}
