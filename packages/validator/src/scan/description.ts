import { continues, isLetter, isSpace, skipSpace, words } from '../text/chars.ts'
import type { Hit } from './hit.ts'
import { scanPrompt } from './prompt.ts'

/** Elements that no markup has and that speak to a model over the head of a person. */
const MARKERS = words(
  'important hidden secret system instruction instructions critical admin priority internal override assistant note_to_ai ai model confidential mandatory',
)

/**
 * Descriptions of tools, prompts and servers that tell a model what to do besides using the tool: behind a marker (`<IMPORTANT>`), before another tool is used, without
 * the user's knowledge, with files that hold secrets. "You must" alone is how honest descriptions speak.
 */
export function scanDescription(text: string, hit: Hit): void {
  const lower = text.toLowerCase()
  const marker = findMarker(lower)
  const directed = DIRECTIVES.some((phrase) => lower.includes(phrase))
  // An element that no markup has says to a model what a person is not to read; there the smallest order is enough.
  const element = marker >= 0 && lower.charCodeAt(marker) === 0x3c
  if (marker >= 0 && (directed || (element && ORDERS.some((order) => lower.includes(order, marker)))))
    hit('description.hijack', marker)
  for (const phrase of CONCEALING) {
    const at = lower.indexOf(phrase)
    if (at >= 0) hit('description.concealed', at)
  }
  for (const phrase of HIJACKING) {
    const at = lower.indexOf(phrase)
    if (at >= 0) hit('description.hijack', at)
  }
  scanPrompt(text, (ruleId, at) => {
    if (ruleId === 'prompt.override') hit('description.hijack', at)
  })
  for (const place of SECRET_PLACES) {
    const at = lower.indexOf(place)
    if (at >= 0 && (directed || marker >= 0 || READS.some((verb) => lower.includes(verb))))
      hit('description.secrets', at)
  }
}

function findMarker(lower: string): number {
  for (let i = 0; i < lower.length; i++) {
    const code = lower.charCodeAt(i)
    if (code !== 0x3c && code !== 0x5b) continue
    let end = i + 1
    while (isLetter(lower.charCodeAt(end)) || lower.charCodeAt(end) === 0x5f) end++
    const close = lower.charCodeAt(skipSpace(lower, end))
    if (
      MARKERS.has(lower.slice(i + 1, end)) &&
      (close === 0x3e || close === 0x5d || isSpace(lower.charCodeAt(end))) &&
      !continues(lower, i, '[note]')
    )
      return i
  }
  return -1
}

const DIRECTIVES = [
  'you must',
  'must first',
  'must include',
  'must call',
  'must read',
  'must now',
  'always call',
  'always include',
  'before using',
  'before providing',
  'before calling',
  'before any',
  'when this tool is called',
  'when using this tool',
  'do not tell',
  'do not mention',
  'do not inform',
  'pass its content',
  'read the file',
  'access the',
]
const ORDERS = [
  'must ',
  'always ',
  'never ',
  'do not ',
  "don't ",
  'when the user',
  'when this',
  'before ',
  'after ',
  'first ',
  'instead',
]
const CONCEALING = [
  'do not tell the user',
  "don't tell the user",
  'do not mention this',
  "don't mention this",
  'do not mention that you',
  'do not inform the user',
  'without telling the user',
  'without informing the user',
  "without the user's knowledge",
  'without the user knowing',
  'do not reveal this',
  'do not disclose this',
  'hide this from the user',
  'keep this secret from',
  'never tell the user',
  'never mention this',
  'the user must not know',
  'the user should not know',
  'silently send',
  'secretly send',
]
const HIJACKING = [
  'ignore previous instructions',
  'ignore all previous',
  'ignore prior instructions',
  'disregard previous',
  'disregard all previous',
  'disregard your instructions',
  'override your instructions',
  'instead of the tool that',
  'instead of any other tool',
  'do not use any other tool',
  'ignore the other tool',
  'before using any other tool',
  'before calling any other tool',
  'whenever any other tool',
  'you must first call this',
  'you must first read',
  'you must first access',
  'otherwise the tool will not work',
  'or this tool will not work',
  'this tool will not work unless you',
  'append the contents of',
  'include the full conversation',
  'include the entire conversation',
  'send the conversation',
  'all emails must be sent to',
  'redirect all',
]
const SECRET_PLACES = [
  '~/.ssh',
  '.ssh/id_',
  'id_rsa',
  'id_ed25519',
  '~/.aws',
  '.aws/credentials',
  '/etc/passwd',
  '/etc/shadow',
  '.env file',
  '~/.cursor/mcp.json',
  'mcp.json',
  'claude_desktop_config',
  '~/.config',
  '.git-credentials',
  '~/.netrc',
  'private key of the user',
  'browser cookies',
  'company://confidential',
  'environment variables of',
]
const READS = [
  'read `',
  'read ~',
  'reads ~',
  'read the',
  'read and',
  'include the content',
  'contents of',
  'content of',
  'pass it as',
  'cat ~',
  'send',
  'upload',
  'append',
]
