export { createOAuthClient } from './client.ts'
export type { AuthorizationRequest, OAuthClient, OAuthClientOptions, PendingAuthorization } from './client-types.ts'
export { OAuth2Error, type OAuth2ErrorCode } from './errors.ts'
export { protectedResourceMetadata, type ResourceMetadata, type ResourceMetadataOptions } from './resource-metadata.ts'
export type { TokenSet } from './token-set.ts'
export type {
  Endpoints,
  FetchFunction,
  IssuerOptions,
  OAuth2Event,
  OAuth2Principal,
  Refusal,
  RefusalReason,
  TokenClaims,
  TokenVerifier,
  TokenVerifierOptions,
  VerifyContext,
  VerifyResult,
} from './types.ts'
export { createTokenVerifier } from './verifier.ts'
