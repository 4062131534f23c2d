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
/** First two letters of the words that a phrase begins with, and of all words of phrases: other words are passed over without a look. */
const STARTING = new Uint8Array(128 * 128)
const TELLING = new Uint8Array(128 * 128)
const letters = (word: string): number => word.charCodeAt(0) * 128 + (word.length > 1 ? word.charCodeAt(1) : 0x20)
for (const { steps } of PHRASES) {
  for (const word of steps[0] as ReadonlySet<string>) STARTING[letters(word)] = 1
  for (const step of steps) for (const word of step) TELLING[letters(word)] = 1
}
const MAX_BETWEEN = 4
const MAX_WORDS = 4096

export function scanPrompt(text: string, hit: Hit): void {
  // For each phrase that was begun: how many steps are done, and at which word the last was.
  const done = new Uint8Array(PHRASES.length)
  const last = new Uint16Array(PHRASES.length)
  let until = -1
  let count = 0
  for (let i = 0; i < text.length && count < MAX_WORDS; i++) {
    const first = text.charCodeAt(i) | 0x20
    if (first < 0x61 || first > 0x7a) continue
    let end = i + 1
    while (isLetter(text.charCodeAt(end))) end++
    const table = count <= until ? TELLING : STARTING
    if (table[first * 128 + ((text.charCodeAt(i + 1) | 0x20) & 0x7f)] === 1 && end - i <= 16) {
      const word = text.slice(i, end).toLowerCase()
      for (let p = 0; p < PHRASES.length; p++) {
        const { steps, ruleId } = PHRASES[p] as Phrase
        if ((done[p] as number) > 0 && count - (last[p] as number) > MAX_BETWEEN) done[p] = 0
        if (steps[done[p] as number]?.has(word) !== true) continue
        done[p] = (done[p] as number) + 1
        last[p] = count
        until = count + MAX_BETWEEN
        if (done[p] === steps.length) {
          hit(ruleId, i)
          done[p] = 0
        }
      }
    }
    count++
    i = end - 1
  }
}
