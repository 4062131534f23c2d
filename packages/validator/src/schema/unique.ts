import { canonicalJson } from '../text/canonical.ts'

/** The keyword `uniqueItems` in linear time: a set of the elements' canonical texts instead of a comparison of each with each. */
export function areUnique(wanted: boolean, items: readonly unknown[]): boolean {
  if (!wanted) return true
  const seen = new Set<string>()
  for (const item of items) {
    const text = canonicalJson(item)
    if (seen.has(text)) return false
    seen.add(text)
  }
  return true
}
