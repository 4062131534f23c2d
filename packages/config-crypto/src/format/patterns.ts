import { isMember, isName, parsePointer, type Path } from './pointer.ts'

/** A JSON Pointer in which a segment `*` stands for every member or item. */
export interface Pattern {
  readonly text: string
  readonly path: Path
}

export const parsePattern = (text: unknown): Pattern | undefined => {
  if (typeof text !== 'string' || text.length > 4096) return undefined
  const path = parsePointer(text)
  const [first, ...others] = path ?? []
  if (path === undefined || first === undefined) return undefined
  return (first === '*' || isName(first)) && others.every(isMember) ? { text, path } : undefined
}

const matchesSegment = (pattern: string | undefined, segment: string): boolean => pattern === '*' || pattern === segment

/** The patterns that a child of this name has still to match, one segment shorter; those that end there are empty. */
export const descend = (patterns: readonly Path[], segment: string): readonly Path[] => {
  if (patterns.length === 0) return patterns
  return patterns.filter(([first]) => matchesSegment(first, segment)).map((pattern) => pattern.slice(1))
}

/** Whether one of the patterns ends here. */
export const endsHere = (patterns: readonly Path[]): boolean => patterns.some((pattern) => pattern.length === 0)
