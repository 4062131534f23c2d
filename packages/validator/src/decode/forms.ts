import { base64Text, utf7Decode } from './carriers.ts'
import { entityDecode } from './entities.ts'
import { escapeDecode } from './escapes.ts'
import { fold } from './fold.ts'
import { percentDecode } from './percent.ts'

/** One reading of a value. */
export interface Form {
  readonly text: string
  /** How it was made, in order: `percent`, `escapes`, `entities`, `unicode`, `base64`, `utf-7`, `plus`. Empty for the value as it is. */
  readonly decodings: readonly string[]
}

export interface Forms {
  readonly forms: readonly Form[]
  /** There was still something to decode after the last round. */
  readonly unfinished: boolean
}

const MAX_ROUNDS = 4

/**
 * A value as it is and as decoders along its way may read it, each round on top of the one before, until nothing changes or four rounds are done.
 * Percent-encoding, escapes, character references and Unicode folding are one round, in this order.
 */
export function formsOf(value: string, short = true): Forms {
  const forms: Form[] = [{ text: value, decodings: [] }]
  if (!needsDecoding(value)) return { forms: withSpaces(forms), unfinished: false }
  let last = forms[0] as Form
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = decodeOnce(last, short, round === 0)
    if (next === undefined) return { forms: withSpaces(forms), unfinished: false }
    forms.push(next)
    last = next
  }
  return { forms: withSpaces(forms), unfinished: decodeOnce(last, short, false) !== undefined }
}

/** In query strings `+` is a space; where a value has no other space, its last form is read so as well. */
function withSpaces(forms: Form[]): Form[] {
  const { text, decodings } = forms.at(-1) as Form
  if (text.includes('+') && !text.includes(' '))
    forms.push({ text: text.replaceAll('+', ' '), decodings: [...decodings, 'plus'] })
  return forms
}

function decodeOnce({ text, decodings }: Form, short: boolean, first: boolean): Form | undefined {
  const names = [...decodings]
  let current = text
  const apply = (name: string, decoded: string | undefined): void => {
    if (decoded === undefined || decoded === current) return
    current = decoded
    if (!names.includes(name)) names.push(name)
  }
  if (first) apply('base64', base64Text(current))
  apply('utf-7', utf7Decode(current))
  apply('percent', percentDecode(current))
  apply('escapes', escapeDecode(current, short))
  apply('entities', entityDecode(current))
  apply('unicode', fold(current))
  return current === text ? undefined : { text: current, decodings: names }
}

/** Nothing is encoded in printable ASCII without `%`, `\`, `&` and `+A` that does not look like base64 as a whole. */
function needsDecoding(value: string): boolean {
  let alnum = value.length >= 12
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code === 0x25 || code === 0x5c || code === 0x26 || code > 0x7e || code === 0) return true
    if (code === 0x2b && value.charCodeAt(i + 1) === 0x41) return true
    // A colon and a comma are in `data:text/plain;base64,...`.
    if (code === 0x20 || code === 0x28 || code === 0x22 || code === 0x27) alnum = false
  }
  return alnum
}
