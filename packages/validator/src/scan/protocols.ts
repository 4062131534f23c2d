import { continues, findWithin, isLetter, isSpace, isWord, skipSpace, wordEnd, words } from '../text/chars.ts'
import type { Hit } from './hit.ts'

/** XML that defines entities, includes files or names a document type; a whole document with its declaration. */
export function scanXml(text: string, hit: Hit): void {
  for (let i = text.indexOf('<'); i >= 0; i = text.indexOf('<', i + 1)) {
    const next = text.charCodeAt(i + 1)
    if (next === 0x21) {
      if (continues(text, i + 2, 'entity')) hit('xml.entity', i)
      else if (continues(text, i + 2, 'doctype')) {
        const window = text.slice(i, i + 200).toLowerCase()
        if (window.includes('[') || window.includes('system')) hit('xml.entity', i)
      } else if (continues(text, i + 2, '[cdata[')) hit('xml.document', i)
    } else if (next === 0x3f) {
      if (continues(text, i + 2, 'xml') && findWithin(text, '<', i + 4, 256) > 0) hit('xml.document', i)
    } else if (
      continues(text, i + 1, 'xml') &&
      text.charCodeAt(i + 4) === 0x20 &&
      text.slice(i, i + 24).includes('version')
    ) {
      hit('xml.document', i)
    } else if (
      continues(text, i + 1, 'xi:include') ||
      continues(text, i + 1, 'xsl:') ||
      continues(text, i + 1, 'xs:include') ||
      continues(text, i + 1, 'xs:import') ||
      continues(text, i + 1, 'soap')
    ) {
      hit('xml.document', i)
    }
  }
}

const HEADERS = words(
  'set-cookie location content-type content-length content-disposition transfer-encoding host cookie refresh link x-forwarded-for x-forwarded-host access-control-allow-origin status connection bcc cc to from subject reply-to mime-version rcpt mail data quit ehlo helo',
)

/** A line end with a header of HTTP or mail behind it; `decoded` says that the line end was encoded. */
export function scanLineEnds(text: string, decoded: boolean, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== 0x0d && code !== 0x0a && code !== 0x560a && code !== 0x560d) continue
    let start = i + 1
    while (
      start < i + 8 &&
      (isSpace(text.charCodeAt(start)) || text.charCodeAt(start) === 0x560a || text.charCodeAt(start) === 0x560d)
    )
      start++
    let end = start
    while (end < start + 40 && (isWord(text.charCodeAt(end)) || text.charCodeAt(end) === 0x2d)) end++
    const name = text.slice(start, end).toLowerCase()
    const colon = text.charCodeAt(end) === 0x3a
    if (colon && (HEADERS.has(name) || (decoded && name.includes('-')) || name.startsWith('x-')))
      hit('protocol.header', i)
    else if (name === 'http' && text.charCodeAt(end) === 0x2f) hit('protocol.header', i)
    else if (
      decoded &&
      (name === 'get' || name === 'post' || name === 'quit' || name === 'data') &&
      text.charCodeAt(end) === 0x20
    )
      hit('protocol.header', i)
    i = Math.max(i, end - 1)
  }
}

/** `RCPT TO:` and `MAIL FROM:` of SMTP. */
export function scanMail(text: string, hit: Hit): void {
  for (let i = text.indexOf(':'); i >= 0; i = text.indexOf(':', i + 1)) {
    let start = i
    while (start > 0 && start > i - 10 && (isLetter(text.charCodeAt(start - 1)) || text.charCodeAt(start - 1) === 0x20))
      start--
    const verb = text.slice(start, i)
    if (verb.endsWith('RCPT TO') || verb.endsWith('MAIL FROM')) hit('protocol.mail', start)
    else if (
      /(^|[^a-z])(rcpt to|mail from)$/i.test(verb) &&
      text.charCodeAt(skipSpace(text, i + 1)) === 0x3c &&
      (start === 0 || text.charCodeAt(start - 1) < 0x20)
    )
      hit('protocol.mail', start)
  }
}

/** LDAP filters (RFC 4515) that end one and begin another. */
export function scanLdap(text: string, hit: Hit): void {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x29 && text.charCodeAt(i + 1) === 0x28) {
      const next = text.charCodeAt(i + 2)
      if (next === 0x7c || next === 0x26 || next === 0x21 || attributeEquals(text, i + 2)) hit('ldap.filter', i)
    } else if (
      code === 0x28 &&
      (text.charCodeAt(i + 1) === 0x7c || text.charCodeAt(i + 1) === 0x26) &&
      text.charCodeAt(i + 2) === 0x28
    ) {
      hit('ldap.filter', i)
    } else if (code === 0x2a) {
      const next = text.charCodeAt(i + 1)
      if (
        (next === 0x29 &&
          (text.charCodeAt(i + 2) === 0x28 || text.charCodeAt(i + 2) === 0x2a || text.charCodeAt(i + 2) === 0x29)) ||
        (next === 0x28 && (text.charCodeAt(i + 2) === 0x29 || text.charCodeAt(i + 2) === 0x7c) && i < 3)
      )
        hit('ldap.filter', i)
    }
  }
}

function attributeEquals(text: string, from: number): boolean {
  const end = wordEnd(text, from)
  return end > from && end < from + 32 && text.charCodeAt(end) === 0x3d
}

const OPERATORS = words(
  'eq ne gt gte lt lte in nin or and nor not exists type expr jsonschema mod regex text where all elemmatch size function accumulator lookup comment options set unset inc push pull rename',
)

/** Operators of MongoDB in a text: `{"$ne": 1}`, `[$gt]`, `$where: '...'`. As keys of objects they are seen by the walk. */
export function scanNosql(text: string, hit: Hit): void {
  for (let i = text.indexOf('$'); i >= 0; i = text.indexOf('$', i + 1)) {
    const end = wordEnd(text, i + 1)
    if (end === i + 1 || end > i + 14 || !isQueryOperator(text.slice(i, end))) continue
    const before = text.charCodeAt(i - 1)
    const quoted = before === 0x22 || before === 0x27
    const after = text.charCodeAt(skipSpace(text, quoted ? end + 1 : end))
    if (before === 0x5b ? text.charCodeAt(end) === 0x5d : after === 0x3a) hit('nosql.operator', i)
  }
}

export const isQueryOperator = (key: string): boolean =>
  key.charCodeAt(0) === 0x24 && OPERATORS.has(key.slice(1).toLowerCase())
