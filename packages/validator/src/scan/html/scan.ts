import { continues, findBackWithin, isAlnum, isLetter, isSpace, isWord, words } from '../../text/chars.ts'
import type { Hit } from '../hit.ts'
import { ACTIVE_ELEMENTS, EVENTS, PLAIN_ELEMENTS, URL_ATTRIBUTES } from './names.ts'

const LONGEST_NAME = 40
const FORMATTING = words(
  'b i em strong u br p code sub sup small s mark kbd pre ul ol li hr q del ins blockquote h1 h2 h3 h4',
)

/**
 * Markup and script URLs. Each `<`, each `=` and each `:` is looked at by itself with what is right beside it, so that no quote that was left open and
 * no broken tag hides what follows; every look is bounded.
 */
export function scanHtml(text: string, hit: Hit): void {
  // Where the last tag was opened and not closed again.
  let tagAt = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x3c) {
      if (opensTag(text, i, hit)) tagAt = i
    } else if (code === 0x3e) {
      if (tagAt >= 0) closeTag(text, tagAt, hit)
      tagAt = -1
    } else if (code === 0x3d) {
      attribute(text, i, tagAt, hit)
    } else if (code === 0x3a) {
      scheme(text, i, hit)
    } else if (code === 0x28) {
      styleCall(text, i, hit)
    }
  }
}

/** Whether a tag begins at `<`. Reports active elements, comments, declarations and server-side includes. */
function opensTag(text: string, at: number, hit: Hit): boolean {
  let i = at + 1
  const first = text.charCodeAt(i)
  if (first === 0x21) {
    if (text.startsWith('--', i + 1)) {
      let directive = i + 3
      while (isSpace(text.charCodeAt(directive)) && directive < i + 12) directive++
      if (text.charCodeAt(directive) === 0x23 && isLetter(text.charCodeAt(directive + 1))) hit('html.include', at)
      else hit('html.tag', at)
    } else if (
      continues(text, i + 1, 'doctype') ||
      continues(text, i + 1, 'entity') ||
      continues(text, i + 1, '[cdata[') ||
      continues(text, i + 1, 'element') ||
      continues(text, i + 1, 'attlist') ||
      continues(text, i + 1, 'notation')
    ) {
      hit('html.tag', at)
    }
    return false
  }
  if (first === 0x3f && (continues(text, i + 1, 'import') || continues(text, i + 1, 'xml-stylesheet')))
    hit('html.tag', at)
  const closing = first === 0x2f
  if (closing) i++
  // Browsers want the name right behind `<`; other readers do not.
  while (i < at + 8 && (isSpace(text.charCodeAt(i)) || text.charCodeAt(i) < 0x20 || text.charCodeAt(i) === 0x3c)) i++
  const spaced = i > at + (closing ? 2 : 1)
  if (!isLetter(text.charCodeAt(i)))
    return first > 0x20 && !isAlnum(first) && first !== 0x3c && first !== 0x3d && !closing
  const end = nameEnd(text, i)
  const name = text.slice(i, end).toLowerCase()
  if (
    ACTIVE_ELEMENTS.has(name) &&
    (!spaced || name === 'script' || name === 'iframe' || name === 'svg' || name === 'img')
  ) {
    const next = text.charCodeAt(end)
    if (
      closing
        ? name === 'script' ||
          name === 'style' ||
          name === 'title' ||
          name === 'textarea' ||
          name === 'noscript' ||
          name === 'iframe' ||
          name === 'body' ||
          name === 'html' ||
          name === 'template'
        : endsName(next)
    )
      hit('html.element', at)
  } else if (name.startsWith('script')) {
    hit('html.element', at)
  }
  return !spaced && !closing
}

function closeTag(text: string, at: number, hit: Hit): void {
  const end = nameEnd(text, at + 1)
  const name = text.slice(at + 1, end).toLowerCase()
  // `<b>bold</b>` is how people write; formatting without an attribute does nothing else.
  if (text.charCodeAt(end) === 0x3e && FORMATTING.has(name)) return
  if (endsName(text.charCodeAt(end)) && (PLAIN_ELEMENTS.has(name) || ACTIVE_ELEMENTS.has(name))) hit('html.tag', at)
}

function nameEnd(text: string, from: number): number {
  let i = from
  while (i < from + LONGEST_NAME) {
    const code = text.charCodeAt(i)
    if (!isAlnum(code) && code !== 0x2d && code !== 0x3a && code !== 0x5f) break
    i++
  }
  return i
}

/** White space, `/`, `>`, a control character, the end, a quote or another `<`. */
const endsName = (code: number): boolean =>
  !(code > 0x20) ||
  code === 0x2f ||
  code === 0x3e ||
  code === 0x3c ||
  code === 0x22 ||
  code === 0x27 ||
  code === 0x2e ||
  code === 0x60

/** `name=`: an event handler anywhere, any `on...` and URLs that run inside a tag. */
function attribute(text: string, equals: number, tagAt: number, hit: Hit): void {
  let end = equals
  while (end > 0 && (isSpace(text.charCodeAt(end - 1)) || text.charCodeAt(end - 1) < 0x20) && end > equals - 16) end--
  let start = end
  while (start > 0 && end - start < LONGEST_NAME && isNameChar(text.charCodeAt(start - 1))) start--
  if (end - start < 3) return
  const name = text.slice(start, end).toLowerCase()
  if (name.startsWith('on') && name.length > 3) {
    const before = start === 0 ? Number.NaN : text.charCodeAt(start - 1)
    const known = EVENTS.has(name.slice(2))
    if (
      tagAt >= 0
        ? known || isLetterRun(name)
        : known && startsAttribute(before) && start > 0 && looksLikeCode(text, equals + 1)
    ) {
      hit('html.event_handler', start)
    }
  } else if (tagAt >= 0 && (URL_ATTRIBUTES.has(name) || name === 'style')) {
    // What runs in them is seen at its colon; `data:` and `//` of an embedded thing by its element.
    if (
      name === 'style' &&
      text
        .slice(equals, equals + 96)
        .toLowerCase()
        .includes('url(')
    )
      hit('html.style', start)
    if (name === 'srcdoc') hit('html.event_handler', start)
  } else if (tagAt >= 0 && name.startsWith('xmlns')) {
    hit('html.tag', start)
  }
}

const isNameChar = (code: number): boolean => isAlnum(code) || code === 0x2d || code === 0x3a || code === 0x5f
const startsAttribute = (before: number): boolean => !isWord(before) && before !== 0x26 && before !== 0x3f
const isLetterRun = (name: string): boolean => {
  for (let i = 0; i < name.length; i++) if (!isLetter(name.charCodeAt(i))) return false
  return name.length > 4
}

/** A handler outside a tag: a quote, or code with a call or an assignment in its first characters. */
function looksLikeCode(text: string, from: number): boolean {
  for (let i = from; i < from + 64; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x28 || code === 0x60 || code === 0x22 || code === 0x27 || code === 0x3d || code === 0x3a) return true
  }
  return false
}

const SCHEMES = ['javascript', 'vbscript', 'livescript', 'jscript', 'mocha']
const LONGEST_SCHEME = 48

/** A colon with `javascript`, `vbscript` or `data` before it, whatever white space, NUL or backslash stands between the letters. */
function scheme(text: string, colon: number, hit: Hit): void {
  let word = ''
  let i = colon - 1
  for (; i >= 0 && i > colon - LONGEST_SCHEME && word.length < 10; i--) {
    const code = text.charCodeAt(i)
    if (isLetter(code)) word = text.charAt(i) + word
    else if (code > 0x20 && code !== 0x5c && code !== 0xa0) break
    else if (word === '' && code === 0x20 && i < colon - 4) break
  }
  word = word.toLowerCase()
  if (SCHEMES.some((name) => word.endsWith(name))) {
    // `JavaScript: the good parts` is a title; code has no space and a word behind its colon.
    const next = text.charCodeAt(colon + 1)
    if (next !== 0x20 || looksLikeCall(text, colon + 2)) hit('html.script_url', Math.max(0, i + 1))
    return
  }
  if (word.endsWith('data') && !isWord(text.charCodeAt(colon - 5))) {
    const target = text.slice(colon + 1, colon + 40).toLowerCase()
    if (
      target.startsWith('text/html') ||
      target.startsWith('image/svg') ||
      target.startsWith('application/x') ||
      target.startsWith(',') ||
      target.startsWith('text/xml') ||
      target.startsWith('text/javascript') ||
      target.startsWith('application/javascript')
    ) {
      hit('html.script_url', Math.max(0, i + 1))
    }
  } else if (word.endsWith('binding') || word.endsWith('behavior') || word.endsWith('behaviour')) {
    if (continues(text, skipNoise(text, colon + 1), 'url') || text.slice(colon, colon + 24).includes('url'))
      hit('html.style', colon)
  }
}

function looksLikeCall(text: string, from: number): boolean {
  for (let i = from; i < from + 40; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x28 || code === 0x60 || code === 0x3d) return i > from && !isSpace(text.charCodeAt(i - 1))
  }
  return false
}

function skipNoise(text: string, from: number): number {
  let i = from
  while (i < from + 16 && (isSpace(text.charCodeAt(i)) || text.charCodeAt(i) === 0x5c)) i++
  return i
}

/** `expression(` of old style sheets, comments and backslashes between its letters taken out. */
function styleCall(text: string, open: number, hit: Hit): void {
  const before = text.charCodeAt(open - 1) | 0x20
  if (before !== 0x6e && before !== 0x2f && before !== 0x20) return
  let word = ''
  for (let i = open - 1; i >= 0 && i > open - 96 && word.length < 10; i--) {
    const code = text.charCodeAt(i)
    if (isLetter(code)) word = text.charAt(i) + word
    else if (code === 0x2f && text.charCodeAt(i - 1) === 0x2a) {
      const start = findBackWithin(text, '/*', i - 2, 96)
      if (start < 0 || start < open - 96) break
      i = start
    } else if (code !== 0x5c) break
  }
  if (word.toLowerCase() === 'expression') hit('html.style', open)
}
