/** How a text may appear in output. */
export type Form =
  | 'raw'
  | 'base64'
  | 'base64url'
  | 'hex'
  | 'url'
  | 'json'
  | 'html'
  | 'shell'
  | 'utf16'
  /** A line of a text of several. */
  | 'line'

export interface FormOfText {
  readonly form: Form
  readonly bytes: Buffer
}

/** Characters of base64 that are decided by the text alone, wherever in a longer text it stands. */
const base64At = (bytes: Buffer, offset: number, alphabet: 'base64' | 'base64url'): string => {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString(alphabet)
  const first = Math.ceil((offset * 8) / 6)
  const end = Math.floor(((offset + bytes.length) * 8) / 6)
  return text.slice(first, end)
}

/** As `base64` (76) and `openssl base64` (64) print a text by itself: lines begin where it does. */
const wrappedBase64 = (bytes: Buffer): string[] => {
  const text = base64At(bytes, 0, 'base64')
  return [64, 76].flatMap((columns) => {
    const lines = text.match(new RegExp(`.{1,${columns}}`, 'g')) ?? []
    return [lines.join('\n'), lines.join('\r\n')]
  })
}

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

const lowerEscapes = (text: string): string => text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())

const urlForms = (text: string): string[] => {
  const component = encodeURIComponent(text)
  const strict = component.replace(/[!'()*]/g, percent)
  const form = strict.replaceAll('%20', '+')
  return [component, strict, form, encodeURI(text)].flatMap((each) => [each, lowerEscapes(each)])
}

const asciiOnly = (json: string, upper: boolean): string =>
  json.replace(/[\u0080-\uffff]/g, (unit) => {
    const digits = unit.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${upper ? digits.toUpperCase() : digits}`
  })

/** What some encoders escape for HTML's sake: Go with small digits, others with large ones. */
const htmlSafe = (json: string, upper: boolean): string =>
  json.replace(/[&<>\u2028\u2029]/g, (unit) => {
    const digits = unit.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${upper ? digits.toUpperCase() : digits}`
  })

const inside = (json: string): string => json.slice(1, -1)

const jsonForms = (text: string): string[] => {
  const plain = inside(JSON.stringify(text))
  const unescaped = [plain, plain.replaceAll('/', '\\/'), asciiOnly(plain, false), asciiOnly(plain, true)]
  const forms = unescaped.flatMap((form) => [form, htmlSafe(form, false), htmlSafe(form, true)])
  // JSON in JSON, as loggers write it.
  return [...forms, ...forms.map((form) => inside(JSON.stringify(form)))]
}

const htmlForms = (text: string): string[] => {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  return [base, base.replaceAll("'", '&#39;'), base.replaceAll("'", '&#x27;')]
}

const shellForms = (text: string): string[] => [text.replaceAll("'", "'\\''"), text.replaceAll("'", `'"'"'`)]

const shortestLine = 20

const linesOf = (text: string): string[] => {
  const lines = text.split(/\r?\n/)
  if (lines.length < 2) return []
  return lines.filter((line) => line.length >= shortestLine && !line.startsWith('-----'))
}

const utf8Forms = (text: string): (readonly [Form, readonly string[]])[] => {
  const bytes = Buffer.from(text)
  const hex = bytes.toString('hex')
  const offsets = [0, 1, 2]
  return [
    ['raw', [text]],
    ['base64', [...offsets.map((offset) => base64At(bytes, offset, 'base64')), ...wrappedBase64(bytes)]],
    ['base64url', offsets.map((offset) => base64At(bytes, offset, 'base64url'))],
    ['hex', [hex, hex.toUpperCase()]],
    ['url', urlForms(text)],
    ['json', jsonForms(text)],
    ['html', htmlForms(text)],
    ['shell', shellForms(text)],
    ['line', linesOf(text)],
  ]
}

/** A shell's `$(...)`, a reader of lines, and `trim` give out a text so. */
export const withoutLineEnds = (text: string): string => text.replace(/[\r\n]+$/, '')

/** Every form of a text, with the line ends that it ends in and without, each once; of those that are the same, the simplest. Forms shorter than `minBytes` are left out: they would be found everywhere. */
export const formsOf = (text: string, minBytes: number): readonly FormOfText[] => {
  const found = new Map<string, FormOfText>()
  const add = (form: Form, bytes: Buffer): void => {
    const id = bytes.toString('latin1')
    if (bytes.length >= minBytes && !found.has(id)) found.set(id, { form, bytes })
  }
  for (const whole of new Set([text, withoutLineEnds(text)])) {
    for (const [form, texts] of utf8Forms(whole)) for (const each of texts) add(form, Buffer.from(each))
    add('utf16', Buffer.from(whole, 'utf16le'))
  }
  return [...found.values()]
}
