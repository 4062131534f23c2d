import { continues } from '../text/chars.ts'
import type { Hit } from './hit.ts'

/** The rarest character of each pattern; all others cost one look into this table. `select` matters only behind `union`. */
const TRIGGERS = new Uint8Array(128)
for (const char of '/\\<(uU') TRIGGERS[char.charCodeAt(0)] = 1

/** The four patterns of the specification in one pass: `../`, `<script`, `union` with `select` somewhere behind it, `eval(`. Each is reported once. */
export function scanTripwire(text: string, hit: Hit): void {
  let traversal = -1
  let script = -1
  let union = -1
  let evaluation = -1
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || TRIGGERS[code] === 0) continue
    if (code === 0x2f || code === 0x5c) {
      if (traversal < 0 && text.charCodeAt(i - 1) === 0x2e && text.charCodeAt(i - 2) === 0x2e) traversal = i - 2
    } else if (code === 0x3c) {
      if (script < 0 && continues(text, i + 1, 'script')) script = i
    } else if (code === 0x28) {
      if (evaluation < 0 && i >= 4 && continues(text, i - 4, 'eval')) evaluation = i - 4
    } else if (union < 0 && continues(text, i + 1, 'nion')) {
      union = i
    }
  }
  if (traversal >= 0) hit('pattern.path_traversal', traversal)
  if (script >= 0) hit('pattern.script_tag', script)
  if (union >= 0 && holdsSelect(text, union + 5)) hit('pattern.union_select', union)
  if (evaluation >= 0) hit('pattern.eval_call', evaluation)
}

function holdsSelect(text: string, start: number): boolean {
  for (let i = start; i < text.length; i++) {
    if ((text.charCodeAt(i) | 0x20) === 0x73 && continues(text, i + 1, 'elect')) return true
  }
  return false
}
