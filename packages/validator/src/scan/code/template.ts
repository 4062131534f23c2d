import { findWithin, isLetter, isSpace, skipSpace, wordEnd, words } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'

const MAX_EXPRESSION = 256
const STATEMENTS = words(
  'if for set block include import extends macro from with autoescape raw filter call do load debug csrf_token endif endfor endblock else elif embed use sandbox spaceless verbatim print php while each try',
)
const ENGINE_OBJECTS = words('config self _self request settings _context')
const DIRECTIVES = words(
  'assign include import list if macro attempt function ftl global local setting visit set foreach evaluate parse define stop end',
)

/** Expressions of template engines: delimiters with something between them that computes. A bare name (`{{name}}`, `${x}`) is a placeholder. */
export function scanTemplate(text: string, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const next = text.charCodeAt(i + 1)
    if (code === 0x7b) {
      if (next === 0x7b) {
        if (computes(text, i + 2, '}', hit, i)) i++
      } else if (next === 0x25) statement(text, i, hit)
      else if (next === 0x24 || next === 0x40 || next === 0x3d || next === 0x2a) smarty(text, i, hit)
      else if (isLetter(next)) call(text, i, hit)
    } else if (
      (code === 0x24 || code === 0x23 || code === 0x2a || code === 0x40 || code === 0x7e || code === 0x25) &&
      next === 0x7b
    ) {
      if (code === 0x40 && text.charCodeAt(i + 2) === 0x5b) hit('code.template', i)
      else if (code !== 0x23 || text.charCodeAt(skipSpace(text, i + 2)) !== 0x22) computes(text, i + 2, '}', hit, i)
    } else if (code === 0x3c) {
      if (next === 0x25) hit('code.template', i)
      else if (next === 0x23 && DIRECTIVES.has(text.slice(i + 2, Math.min(wordEnd(text, i + 2), i + 14)).toLowerCase()))
        hit('code.template', i)
    } else if (code === 0x40 && next === 0x28) {
      const from = i + 2
      const close = findWithin(text, ')', from, 64)
      if (close > 0 && close < from + 64 && /^[\d\s+*/"'().-]+$|[.([]/.test(text.slice(from, close)))
        hit('code.template', i)
    } else if (code === 0x23 && isLetter(next)) {
      const name = text.slice(i + 1, Math.min(wordEnd(text, i + 1), i + 12))
      if (
        (name === 'set' ||
          name === 'foreach' ||
          name === 'include' ||
          name === 'evaluate' ||
          name === 'parse' ||
          name === 'if') &&
        text.charCodeAt(skipSpace(text, i + 1 + name.length)) === 0x28
      )
        hit('code.template', i)
    } else if (code === 0x5b && next === 0x5b && text.charCodeAt(i + 2) === 0x24) {
      hit('code.template', i)
    }
  }
}

/** Whether something between the delimiters computes: an operator, a call, a member, a filter, a string. */
function computes(text: string, from: number, close: string, hit: Hit, at: number): boolean {
  const end = Math.min(text.length, from + MAX_EXPRESSION)
  const stop = close.charCodeAt(0)
  let telling = false
  let closed = false
  for (let i = from; i < end && !telling; i++) {
    const code = text.charCodeAt(i)
    if (code === stop) {
      closed = true
      break
    }
    if (
      code === 0x2b ||
      code === 0x2a ||
      code === 0x28 ||
      code === 0x5b ||
      code === 0x7c ||
      code === 0x7e ||
      code === 0x27 ||
      code === 0x22 ||
      code === 0x21 ||
      code === 0x3d ||
      code === 0x25
    )
      telling = true
    else if (code === 0x2e && isLetter(text.charCodeAt(i + 1)) && i > from) telling = true
    else if (code === 0x2f && i > from && !isLetter(text.charCodeAt(i + 1))) telling = true
    else if (code === 0x2d && (isSpace(text.charCodeAt(i + 1)) || isDigitCode(text.charCodeAt(i + 1))) && i > from)
      telling = true
    else if (code === 0x7b) telling = true
  }
  if (!telling) {
    const name = text
      .slice(skipSpace(text, from), Math.min(wordEnd(text, skipSpace(text, from)), from + 24))
      .toLowerCase()
    if (!closed || !ENGINE_OBJECTS.has(name)) return false
  }
  hit('code.template', at)
  return true
}

const isDigitCode = (code: number): boolean => code >= 0x30 && code <= 0x39

/** `{% if ... %}` */
function statement(text: string, at: number, hit: Hit): void {
  let i = at + 2
  if (text.charCodeAt(i) === 0x2d) i++
  i = skipSpace(text, i)
  const name = text.slice(i, Math.min(wordEnd(text, i), i + 14)).toLowerCase()
  if (STATEMENTS.has(name)) hit('code.template', at)
}

/** `{$smarty.version}`, `{@math ...}`, `{=7*7}` */
function smarty(text: string, at: number, hit: Hit): void {
  const end = Math.min(text.length, at + 96)
  for (let i = at + 2; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x7d) return
    if (code === 0x2e || code === 0x28 || code === 0x2a) {
      if (findWithin(text, '}', i, MAX_EXPRESSION) > 0) hit('code.template', at)
      return
    }
  }
}

/** `{system('id')}`, `{if system(...)}`, `{php}` is PHP's. */
function call(text: string, at: number, hit: Hit): void {
  const end = wordEnd(text, at + 1)
  if (text.charCodeAt(end) !== 0x28 || end > at + 40) return
  const close = findWithin(text, ')', end, 200)
  if (close > 0 && close < at + 200 && text.charCodeAt(close + 1) === 0x7d) hit('code.template', at)
}
