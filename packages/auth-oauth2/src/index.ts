export { type AuthorizedFetchOptions, createAuthorizedFetch } from './client/authorized-fetch.ts'
export { createOAuthClient } from './client/client.ts'
export { type ClientMetadataDocumentOptions, clientMetadataDocument } from './client/client-metadata-document.ts'
export type {
  AuthorizationRequest,
  DeviceFlowOptions,
  DevicePrompt,
  ExchangeOptions,
  OAuthClient,
  OAuthClientOptions,
  PendingAuthorization,
  Wanted,
} from './client/client-types.ts'
export type { ClientDescription } from './client/describe-client.ts'
export { type DiscoveredAuthorization, type DiscoverOptions, discoverAuthorization } from './client/discover.ts'
export { type RegisteredClient, type RegistrationOptions, registerClient } from './client/register.ts'
export type { TokenSet } from './client/token-set.ts'
export { memoryTokenStore, type TextStore, type TokenStore, tokenStoreOver } from './client/token-store.ts'
export { OAuth2Error, type OAuth2ErrorCode } from './errors.ts'
export { memoryReplayStore, type ProofUse, type ReplayStore } from './proof/replay.ts'
export { parseAuthorization, type ShownToken } from './resource/authorization-header.ts'
export { type ChallengeOptions, challenge } from './resource/challenge.ts'
export {
  protectedResourceMetadata,
  type ResourceMetadata,
  type ResourceMetadataOptions,
} from './resource/resource-metadata.ts'
export { type SdkAuthInfo, type SdkErrors, type SdkVerifier, sdkVerifier } from './resource/sdk-verifier.ts'
export type {
  ClientKey,
  DpopOptions,
  Endpoints,
  FetchFunction,
  IssuerOptions,
  OAuth2Event,
  OAuth2Principal,
  Refusal,
  RefusalReason,
  Revocations,
  TokenClaims,
  TokenVerifier,
  TokenVerifierOptions,
  VerifyContext,
  VerifyResult,
} from './types.ts'
export { presets } from './verifier/presets.ts'
export { createRevocations, type Revocation, type RevocationList } from './verifier/revocations.ts'
export { createTokenVerifier } from './verifier/verifier.ts'
