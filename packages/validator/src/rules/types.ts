import type { Mode, Severity, ValueKind } from '../types.ts'

/** A rule as a configuration says it. */
export interface UserRuleDefinition {
  /** `user.` and lower-case letters, digits, `_`, `.`, `-`. */
  readonly id: string
  /** RE2 syntax: no looking around and no references, so that matching takes linear time. */
  readonly pattern: string
  /** `i`: any case; `s`: `.` matches line ends; `m`: `^` and `$` match at lines. */
  readonly flags?: string
  readonly message: string
  /** Default `medium`. */
  readonly severity?: Severity
  /** Default `monitor`. */
  readonly mode?: Mode
  /** Default: every kind but `secret` and `opaque`. */
  readonly kinds?: readonly ValueKind[]
  /** Texts that must match, and texts that must not: the linter wants both. */
  readonly tests?: { readonly match?: readonly string[]; readonly miss?: readonly string[] }
}
