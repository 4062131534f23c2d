import { crc32 } from './crc32.ts'
import { isAlnum, isDigit, isLetter, isWord } from '../text/chars.ts'

export interface Secret {
  readonly at: number
  readonly end: number
  /** Names the kind of secret in the marker that stands for it: lower case, digits and dashes. */
  readonly label: string
  /** Its own form proves it: a checksum that fits, or the lines of a private key. */
  readonly certain: boolean
}

interface Form {
  readonly prefix: string
  readonly label: string
  readonly certain: boolean
  /** Where it ends if it is one, else -1. `from` is behind the prefix. */
  readonly end: (text: string, from: number, at: number) => number
}

type Allowed = (code: number) => boolean
const base64url: Allowed = (code) => isAlnum(code) || code === 0x2d || code === 0x5f
const hex: Allowed = (code) => isDigit(code) || (code >= 0x61 && code <= 0x66)
const isBase64: Allowed = (code) => isAlnum(code) || code === 0x2b || code === 0x2f || code === 0x3d
const upper: Allowed = (code) => isDigit(code) || (code >= 0x41 && code <= 0x5a)

const MAX_TOKEN_CHARS = 512

function runEnd(text: string, from: number, allowed: Allowed): number {
  let i = from
  while (i < from + MAX_TOKEN_CHARS && allowed(text.charCodeAt(i))) i++
  return i
}

/** A run of exactly, or at least, so many characters. */
const run =
  (allowed: Allowed, least: number, most = least): Form['end'] =>
  (text, from) => {
    const end = runEnd(text, from, allowed)
    return end - from >= least && end - from <= most ? end : -1
  }

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Thirty characters and six of base 62 that are their CRC-32, as GitHub and npm write tokens. */
const checksummed: Form['end'] = (text, from) => {
  const end = runEnd(text, from, isAlnum)
  return end - from === 36 && text.slice(from + 30, end) === checksumOf(text.slice(from, from + 30)) ? end : -1
}

function checksumOf(text: string): string {
  let sum = crc32(text)
  let written = ''
  for (let i = 0; i < 6; i++) {
    written = DIGITS.charAt(sum % 62) + written
    sum = Math.floor(sum / 62)
  }
  return written
}

const OWN_CODE_CHARS = 61

/** An API key of Portcullis, whatever its prefix: `<prefix>_<env>_` and 61 characters, the last six of which are a checksum over all before them. */
function ownKey(text: string, at: number): number {
  let end = at
  while (end < at + 100 && isWord(text.charCodeAt(end))) end++
  const code = end - OWN_CODE_CHARS
  if (code < at + 5 || end - at > 95 || text.charCodeAt(code - 1) !== 0x5f) return -1
  if (!/^[a-z][a-z0-9_]*_[a-z]{1,16}_[0-9A-Za-z]{61}$/.test(text.slice(at, end))) return -1
  return text.slice(end - 6, end) === checksumOf(text.slice(at, end - 6)) ? end : -1
}

/** The same shape with a checksum that does not fit: perhaps an older token, perhaps none. */
const sameShape: Form['end'] = (text, from, at) =>
  checksummed(text, from, at) < 0 ? run(isAlnum, 36)(text, from, at) : -1

const FORMS: readonly Form[] = [
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].flatMap((prefix): Form[] => [
    { prefix, label: 'github-token', certain: true, end: checksummed },
    { prefix, label: 'github-token', certain: false, end: sameShape },
  ]),
  { prefix: 'npm_', label: 'npm-token', certain: true, end: checksummed },
  { prefix: 'npm_', label: 'npm-token', certain: false, end: sameShape },
  {
    prefix: 'github_pat_',
    label: 'github-token',
    certain: false,
    end: run((code) => isAlnum(code) || code === 0x5f, 82),
  },
  // A macaroon whose first field says pypi.org or test.pypi.org.
  { prefix: 'pypi-AgEIcHlwaS5vcmc', label: 'pypi-token', certain: true, end: run(base64url, 50, MAX_TOKEN_CHARS) },
  {
    prefix: 'pypi-AgENdGVzdC5weXBpLm9yZw',
    label: 'pypi-token',
    certain: true,
    end: run(base64url, 50, MAX_TOKEN_CHARS),
  },
  { prefix: 'AGE-SECRET-KEY-1', label: 'age-key', certain: true, end: bech32Key },
  { prefix: 'sk-', label: 'openai-key', certain: true, end: openaiKey },
  { prefix: 'sk-ant-', label: 'anthropic-key', certain: false, end: run(base64url, 80, 140) },
  { prefix: 'AKIA', label: 'aws-access-key', certain: false, end: run(upper, 16) },
  { prefix: 'ASIA', label: 'aws-access-key', certain: false, end: run(upper, 16) },
  { prefix: 'AIza', label: 'google-key', certain: false, end: run(base64url, 35) },
  { prefix: 'GOCSPX-', label: 'google-secret', certain: false, end: run(base64url, 28) },
  { prefix: 'glpat-', label: 'gitlab-token', certain: false, end: run(base64url, 20, 80) },
  { prefix: 'xoxb-', label: 'slack-token', certain: false, end: run(base64url, 24, 120) },
  { prefix: 'xoxp-', label: 'slack-token', certain: false, end: run(base64url, 24, 120) },
  { prefix: 'xapp-', label: 'slack-token', certain: false, end: run(base64url, 24, 160) },
  { prefix: 'sk_live_', label: 'stripe-key', certain: false, end: run(isAlnum, 24, 120) },
  { prefix: 'rk_live_', label: 'stripe-key', certain: false, end: run(isAlnum, 24, 120) },
  {
    prefix: 'whsec_',
    label: 'webhook-secret',
    certain: false,
    end: run((code) => isAlnum(code) || code === 0x2b || code === 0x2f || code === 0x3d, 32, 64),
  },
  { prefix: 'SG.', label: 'sendgrid-key', certain: false, end: run((code) => base64url(code) || code === 0x2e, 66) },
  { prefix: 'hf_', label: 'huggingface-token', certain: false, end: run(isLetter, 34) },
  { prefix: 'dop_v1_', label: 'digitalocean-token', certain: false, end: run(hex, 64) },
  { prefix: 'hvs.', label: 'vault-token', certain: false, end: run(base64url, 24, 120) },
  { prefix: 'eyJ', label: 'jwt', certain: false, end: jwt },
]
const BY_FIRST = new Map<number, Form[]>()
for (const form of FORMS) {
  const first = form.prefix.charCodeAt(0)
  BY_FIRST.set(first, [...(BY_FIRST.get(first) ?? []), form])
}

const BEGIN = '-----BEGIN '
const PRIVATE = /^(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/
const MAX_KEY_CHARS = 32_768

/** Secrets in a text, in order, none inside another. Linear: every form is tried where a word begins, and looks a bounded way ahead. */
export function findSecrets(text: string): Secret[] {
  const found: Secret[] = []
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2d && text.startsWith(BEGIN, i)) {
      const end = privateKey(text, i)
      if (end > 0) {
        found.push({ at: i, end, label: 'private-key', certain: true })
        i = end - 1
      }
      continue
    }
    if (!isLetter(code)) continue
    const within = base64url(text.charCodeAt(i - 1))
    for (const form of BY_FIRST.get(code) ?? []) {
      // What has a checksum is one wherever it stands: behind `\n` in JSON inside a text, say.
      if ((within && form.end !== checksummed) || !text.startsWith(form.prefix, i)) continue
      const end = form.end(text, i + form.prefix.length, i)
      if (end < 0) continue
      found.push({ at: i, end, label: form.label, certain: form.certain })
      i = end - 1
      break
    }
    const own = !within && code >= 0x61 && found.at(-1)?.end !== i + 1 ? ownKey(text, i) : -1
    if (own > 0) {
      found.push({ at: i, end: own, label: 'portcullis-key', certain: true })
      i = own - 1
    }
  }
  return found
}

/** White space, or the end of a line as JSON inside a text writes it out. */
const separator = /^(?:\s|\\[nrt])+/
const headerLine = /^[A-Za-z][A-Za-z-]{1,30}: [^\n\\"]{0,200}(?:\n|\\[nr])/
/** A line of a key is longer than a word. */
const MIN_LINE_CHARS = 16
const MIN_CUT_CHARS = 40

/** RFC 7468, RFC 1421 and OpenSSH: from the first line to the last of the same name or, if that was cut off, as long as there are lines of base64. Nothing else is part of a key. */
function privateKey(text: string, at: number): number {
  const head = PRIVATE.exec(text.slice(at + BEGIN.length, at + BEGIN.length + 80))
  if (head === null) return -1
  const from = at + BEGIN.length + head[0].length
  const window = text.slice(from, from + MAX_KEY_CHARS)
  const close = `-----END ${head[0]}`
  const skip = (i: number, what: RegExp): number => i + (what.exec(window.slice(i, i + 256))?.[0].length ?? 0)
  let i = skip(0, separator)
  for (let next = skip(i, headerLine); next > i; next = skip(i, headerLine)) i = skip(next, separator)
  let first = 0
  let end = 0
  while (i < window.length && !window.startsWith(close, i)) {
    let line = i
    while (line < window.length && isBase64(window.charCodeAt(line))) line++
    if (line === i) break
    first ||= line - i
    end = line
    i = skip(line, separator)
  }
  if (first < MIN_LINE_CHARS) return -1
  if (window.startsWith(close, i)) return from + i + close.length
  return first >= MIN_CUT_CHARS ? from + end : -1
}

/** BIP 173, as age writes its keys: the last six characters are a checksum over all. */
function bech32Key(text: string, from: number, at: number): number {
  const end = runEnd(text, from, upper)
  if (end - from !== 58) return -1
  const alphabet = 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'
  const human = text.slice(at, from - 1).toLowerCase()
  const values = [...human].map((char) => char.charCodeAt(0) >> 5)
  values.push(0, ...[...human].map((char) => char.charCodeAt(0) & 31))
  for (let i = from; i < end; i++) {
    const value = alphabet.indexOf(text.charAt(i))
    if (value < 0) return -1
    values.push(value)
  }
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (let i = 0; i < 5; i++) if (((top >> i) & 1) === 1) sum ^= generator[i] as number
  }
  return sum === 1 ? end : -1
}

/** Keys of OpenAI have `T3BlbkFJ` (its name in base64) in their middle. */
function openaiKey(text: string, from: number): number {
  const end = runEnd(text, from, base64url)
  return end - from >= 40 && text.slice(from, end).includes('T3BlbkFJ') ? end : -1
}

/** Three parts of base64url, the first of which is the header of a signed token. */
function jwt(text: string, from: number, at: number): number {
  const first = runEnd(text, from, base64url)
  if (text.charCodeAt(first) !== 0x2e) return -1
  let second = first + 1
  while (second < first + 4096 && base64url(text.charCodeAt(second))) second++
  if (text.charCodeAt(second) !== 0x2e) return -1
  const end = runEnd(text, second + 1, base64url)
  if (second - first < 12 || end - second < 20) return -1
  return Buffer.from(text.slice(at, first), 'base64url').toString('latin1').includes('"alg"') ? end : -1
}
