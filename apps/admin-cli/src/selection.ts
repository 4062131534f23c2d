import type { ApiKeyRecord } from '@portcullis/auth-apikey'

/** Whose keys are meant; nothing given: everybody's. */
export interface Selection {
  readonly owner?: string
  readonly tenant?: string
}

export const isSelected =
  ({ owner, tenant }: Selection) =>
  (record: ApiKeyRecord): boolean =>
    (owner === undefined || record.owner === owner) && (tenant === undefined || record.tenant === tenant)

/** For a sentence: `owner "ann" and tenant "a"`. */
export const describeSelection = ({ owner, tenant }: Selection): string =>
  [
    ...(owner === undefined ? [] : [`owner ${JSON.stringify(owner)}`]),
    ...(tenant === undefined ? [] : [`tenant ${JSON.stringify(tenant)}`]),
  ].join(' and ')
