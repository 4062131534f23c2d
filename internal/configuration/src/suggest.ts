/** Edits (insert, delete, replace, swap neighbours) that make one word of another; words are short, so the plain table will do. */
const distance = (left: string, right: string): number => {
  const rows = Array.from({ length: left.length + 1 }, (_, row) => [row, ...Array<number>(right.length).fill(0)])
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0
  for (let column = 1; column <= right.length; column++) (rows[0] as number[])[column] = column
  for (let row = 1; row <= left.length; row++) {
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let best = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + (same ? 0 : 1))
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        best = Math.min(best, at(row - 2, column - 2) + 1)
      }
      ;(rows[row] as number[])[column] = best
    }
  }
  return at(left.length, right.length)
}

/** `; did you mean "port"?` for a word close to a known one, else nothing. */
export const didYouMean = (word: string, known: readonly string[]): string => {
  if (word.length > 64) return ''
  const [best] = known
    .map((name) => ({ name, edits: distance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((one, other) => one.edits - other.edits)
  return best !== undefined && best.edits <= Math.max(1, Math.floor(best.name.length / 3))
    ? `; did you mean ${JSON.stringify(best.name)}?`
    : ''
}
