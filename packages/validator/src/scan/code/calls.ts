import { findWithin, isSpace } from '../../text/chars.ts'

const MAX_GAP = 256

/**
 * Where the parenthesis of a call stands when its name ends at `end`: white space and comments of any of the languages may be between them.
 * -1 where it is no call. `bare` tells whether white space is all that was between.
 */
export function callParenthesis(
  text: string,
  end: number,
): { readonly at: number; readonly gap: 'none' | 'space' | 'comment' } | undefined {
  let i = end
  let gap: 'none' | 'space' | 'comment' = 'none'
  while (i < end + MAX_GAP) {
    const code = text.charCodeAt(i)
    if (code === 0x28) return { at: i, gap }
    if (isSpace(code)) {
      if (code === 0x0a || code === 0x0d || code === 0x0b) gap = 'comment'
      else if (gap === 'none') gap = 'space'
      i++
    } else if (code === 0x2f && text.charCodeAt(i + 1) === 0x2a) {
      const close = findWithin(text, '*/', i + 2, MAX_GAP)
      if (close < 0 || close > end + MAX_GAP) return undefined
      gap = 'comment'
      i = close + 2
    } else if (code === 0x23 || (code === 0x2f && text.charCodeAt(i + 1) === 0x2f)) {
      while (i < end + MAX_GAP && i < text.length && text.charCodeAt(i) !== 0x0a && text.charCodeAt(i) !== 0x0d) i++
      if (i >= text.length) return undefined
      gap = 'comment'
    } else return undefined
  }
  return undefined
}
