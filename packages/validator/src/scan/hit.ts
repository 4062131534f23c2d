import type { RuleId } from '../findings/rules.ts'

/** Takes what a scanner saw: the rule, and where in the text. */
export type Hit = (ruleId: RuleId, at: number) => void
