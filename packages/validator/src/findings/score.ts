import type { Finding, Severity } from '../types.ts'

export const SCORES: Readonly<Record<Severity, number>> = { low: 1, medium: 3, high: 5, critical: 8 }

/** What findings weigh together: low 1, medium 3, high 5, critical 8. */
export function scoreOf(findings: readonly Finding[]): number {
  return findings.reduce((sum, { severity }) => sum + SCORES[severity], 0)
}
