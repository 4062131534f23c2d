import { isLetter, words } from '../text/chars.ts'
import type { Hit } from './hit.ts'

/**
 * Phrases of prompt injection, as sequences of word groups with a few words between them. This is for the record: wording is without end, and nobody
 * prevents injection by looking for it.
 */
interface Phrase {
  readonly ruleId: 'prompt.override' | 'prompt.persona' | 'prompt.exfiltrate'
  readonly steps: readonly ReadonlySet<string>[]
}

const IGNORE = words('ignore disregard forget override bypass neglect skip overlook')
const EARLIER = words('previous prior earlier above preceding former initial original past existing system')
const RULES = words(
  'instructions instruction rules rule guidelines guideline prompt prompts directives directive context restrictions restriction policies policy programming training constraints commands',
)

const PHRASES: readonly Phrase[] = [
  { ruleId: 'prompt.override', steps: [IGNORE, EARLIER, RULES] },
  { ruleId: 'prompt.override', steps: [IGNORE, words('all any your every'), RULES] },
  {
    ruleId: 'prompt.override',
    steps: [words('new updated real actual'), words('instructions instruction directives'), words('are is follow')],
  },
  { ruleId: 'prompt.override', steps: [words('from'), words('now'), words('on'), words('you chatgpt gpt')] },
  { ruleId: 'prompt.persona', steps: [words('do'), words('anything'), words('now')] },
  {
    ruleId: 'prompt.persona',
    steps: [
      words('no without any free lacks'),
      words('ethical moral content safety ethics censorship filters filter'),
      words('guidelines restrictions limits limitations rules principles boundaries or and filters constraints'),
    ],
  },
  {
    ruleId: 'prompt.persona',
    steps: [
      words('pretend act roleplay simulate respond answer behave'),
      words('as like to'),
      words('dan jailbroken unfiltered uncensored unrestricted evil amoral'),
    ],
  },
  {
    ruleId: 'prompt.persona',
    steps: [
      words('unfiltered uncensored amoral jailbroken unrestricted'),
      words('ai chatbot model assistant bot chatgpt language'),
    ],
  },
  {
    ruleId: 'prompt.persona',
    steps: [
      words('never not cannot'),
      words('refuse refuses decline say'),
      words('anything any a requests request user prompt that'),
    ],
  },
  { ruleId: 'prompt.persona', steps: [words('stay remain break'), words('in'), words('character')] },
  {
    ruleId: 'prompt.exfiltrate',
    steps: [
      words('reveal print repeat show output display tell leak'),
      words('your the system initial hidden secret'),
      words('prompt instructions password secrets keys key'),
    ],
  },
]
/** First three letters of the words that a phrase begins with, and of all words of phrases: other words are passed over without a look. */
const STARTING = new Uint8Array(32_768)
const TELLING = new Uint8Array(32_768)
const firstThree = (text: string, at: number): number =>
  ((text.charCodeAt(at) & 31) << 10) |
  ((text.charCodeAt(at + 1) & 31) << 5) |
  (isLetter(text.charCodeAt(at + 2)) ? text.charCodeAt(at + 2) & 31 : 0)
for (const { steps } of PHRASES) {
  for (const word of steps[0] as ReadonlySet<string>) STARTING[firstThree(word, 0)] = 1
  for (const step of steps) for (const word of step) TELLING[firstThree(word, 0)] = 1
}
const MAX_BETWEEN = 4
const MAX_WORDS = 4096

export function scanPrompt(text: string, hit: Hit): void {
  let progress: Progress | undefined
  // Up to this word a phrase that was begun may go on.
  let until = -1
  let count = 0
  let inWord = false
  for (let i = 0; i < text.length; i++) {
    const first = text.charCodeAt(i) | 0x20
    if (first < 0x61 || first > 0x7a) {
      inWord = false
      continue
    }
    if (inWord) continue
    inWord = true
    if (++count > MAX_WORDS) return
    const table = count <= until ? TELLING : STARTING
    if (table[firstThree(text, i)] !== 1) continue
    progress ??= { done: new Uint8Array(PHRASES.length), last: new Uint16Array(PHRASES.length) }
    if (advance(text, i, count, progress, hit)) until = count + MAX_BETWEEN
  }
}

/** For each phrase that was begun: how many steps are done, and at which word the last was. */
interface Progress {
  readonly done: Uint8Array
  readonly last: Uint16Array
}

/** Whether the word at `at` begins a phrase or takes one further. */
function advance(text: string, at: number, count: number, { done, last }: Progress, hit: Hit): boolean {
  let end = at + 1
  while (end < at + 17 && isLetter(text.charCodeAt(end))) end++
  if (end - at > 16) return false
  const word = text.slice(at, end).toLowerCase()
  let moved = false
  for (let p = 0; p < PHRASES.length; p++) {
    const { steps, ruleId } = PHRASES[p] as Phrase
    if ((done[p] as number) > 0 && count - (last[p] as number) > MAX_BETWEEN) done[p] = 0
    if (steps[done[p] as number]?.has(word) !== true) continue
    done[p] = (done[p] as number) + 1
    last[p] = count
    moved = true
    if (done[p] === steps.length) {
      hit(ruleId, at)
      done[p] = 0
    }
  }
  return moved
}
