import type { Principal } from '@portcullis/authz'

/** Whose requests they are when requests are counted: whoever was issued a credential by another has no share of its own. */
export const countedAs = (principal: Principal): string =>
  principal.delegatedBy === undefined ? principal.id : countedAs(principal.delegatedBy)
