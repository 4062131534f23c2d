/** Numbers that describe a rule, and characters that name a lease. */
export const RULE_NUMBERS = 9
export const LEASE_CHARS = 12

/** What is done to a key. */
export const OPERATIONS = { check: 1, lease: 2, peek: 3, charge: 4, refund: 5, renew: 6, release: 7, reset: 8 } as const
