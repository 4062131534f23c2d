const MAX_CHARS = 80
const LEAD = 24
const MARGIN = 256
const MIN_TOKEN = 16
const MIN_LETTERS_TOKEN = 24
const REDACTED = '[redacted]'
const SECRET_WORDS = [
  'password',
  'passwd',
  'pwd',
  'secret',
  'token',
  'api_key',
  'apikey',
  'api-key',
  'authorization',
  'bearer',
  'credential',
]

/**
 * A look at the text around a place: at most 80 characters, runs that look like keys or tokens and whatever follows words such as `password=`
 * replaced, control and bidirectional characters escaped. Reads at most a few hundred characters of the text.
 */
export function excerptAt(text: string, at: number): string {
  let start = Math.max(0, at - LEAD)
  // Begin where a run begins, so that the rest of a token is not taken for a short word.
  const earliest = Math.max(0, start - MARGIN)
  while (start > earliest && isTokenChar(text.charCodeAt(start - 1))) start--
  return escapeAndCut(redact(text.slice(start, start + LEAD + MAX_CHARS + 2 * MARGIN)))
}

function redact(text: string): string {
  let out = ''
  let hideNext = false
  let i = 0
  while (i < text.length) {
    const start = i
    while (i < text.length && isTokenChar(text.charCodeAt(i))) i++
    if (i === start) {
      // What stands between a word for a secret and its value.
      if (!'=: "\'\t'.includes(text[i] as string)) hideNext = false
      out += text[i++]
      continue
    }
    const run = text.slice(start, i)
    const word = run.replace(/=+$/, '')
    if (word === '') {
      out += run
      continue
    }
    if (hideNext && !isSecretWord(word)) {
      out += REDACTED
      hideNext = false
      continue
    }
    hideNext = isSecretWord(word)
    out += looksLikeToken(run) ? REDACTED : redactAssignment(run)
  }
  return out
}

/** `password=hunter2` is one run, because `=` is a character of tokens. */
function redactAssignment(run: string): string {
  const equals = run.indexOf('=')
  return equals > 0 && equals < run.length - 1 && isSecretWord(run.slice(0, equals))
    ? `${run.slice(0, equals + 1)}${REDACTED}`
    : run
}

function isSecretWord(word: string): boolean {
  const lower = word.toLowerCase()
  return SECRET_WORDS.some((secret) => lower.endsWith(secret))
}

/** Letters, digits and `_ - + / =`: what keys and base64 are made of. */
function isTokenChar(code: number): boolean {
  return (
    isLetter(code) || isDigit(code) || code === 0x5f || code === 0x2d || code === 0x2b || code === 0x2f || code === 0x3d
  )
}

const isLetter = (code: number): boolean => (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39

function looksLikeToken(run: string): boolean {
  if (run.length < MIN_TOKEN) return false
  let digits = 0
  let upper = 0
  let lower = 0
  for (let i = 0; i < run.length; i++) {
    const code = run.charCodeAt(i)
    if (isDigit(code)) digits++
    else if (code >= 0x41 && code <= 0x5a) upper++
    else if (code >= 0x61 && code <= 0x7a) lower++
  }
  if (digits > 0 && upper + lower > 0) return true
  return digits >= MIN_TOKEN || (run.length >= MIN_LETTERS_TOKEN && upper > 0 && lower > 0)
}

function escapeAndCut(text: string): string {
  let out = ''
  for (const char of text) {
    const shown = escapeChar(char)
    if (out.length + shown.length > MAX_CHARS) break
    out += shown
  }
  return out
}

/** Escapes C0, DEL, C1, format characters that reorder or hide text, line separators, and halves of surrogate pairs. */
function escapeChar(char: string): string {
  const code = char.codePointAt(0) as number
  if (code === 0x0a) return '\\n'
  if (code === 0x0d) return '\\r'
  if (code === 0x09) return '\\t'
  const hidden =
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x200b && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2060 && code <= 0x206f) ||
    (code >= 0xd800 && code <= 0xdfff) ||
    code === 0x061c ||
    code === 0xfeff ||
    (code >= 0xe0000 && code <= 0xe0fff)
  if (!hidden) return char
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}
