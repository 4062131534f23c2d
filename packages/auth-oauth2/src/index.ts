export { createOAuthClient } from './client/client.ts'
export type { AuthorizationRequest, OAuthClient, OAuthClientOptions, PendingAuthorization } from './client/client-types.ts'
export { OAuth2Error, type OAuth2ErrorCode } from './errors.ts'
export { protectedResourceMetadata, type ResourceMetadata, type ResourceMetadataOptions } from './resource/resource-metadata.ts'
export type { TokenSet } from './client/token-set.ts'
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
export { createTokenVerifier } from './verifier/verifier.ts'
