import { invalid } from '../checks.ts'
import { quote } from '../errors.ts'
import type { IssuerOptions } from '../types.ts'

/** What every preset lets be changed. */
type Changes = Omit<Partial<IssuerOptions>, 'issuer'>

const text = (what: string, value: unknown, pattern: RegExp): string => {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw invalid(`${what}: ${quote(value)} is not what it should be, like ${pattern.source}`)
}

const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?$/
const NAME = /^[A-Za-z0-9_.-]{1,128}$/

/**
 * Microsoft Entra ID. `clientId`: of the registered API; `version`: its `requestedAccessTokenVersion`, default 2. Version 2 names the client id as
 * audience, version 1 the application ID URI. Scopes are in `scp`, application permissions in `roles`. An ID token for the same registration is told by having no client in it. Entra issues tokens for registered APIs alone, so
 * `audience` is never the URL of the MCP server.
 * Source: Microsoft identity platform, "Access tokens", "Access token claims reference".
 */
const entra = (
  options: {
    readonly tenantId: string
    readonly clientId: string
    readonly version?: 1 | 2
    readonly applicationIdUri?: string
  },
  changes: Changes = {},
): IssuerOptions => {
  const tenant = text('tenantId', options.tenantId, /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/)
  const clientId = text('clientId', options.clientId, NAME)
  const login = `https://login.microsoftonline.com/${tenant}`
  const common = { mode: 'jwt', algorithms: ['RS256'], scopes: { claims: ['scp', 'roles'] } } as const
  if (options.version === 1) {
    return {
      issuer: `https://sts.windows.net/${tenant}/`,
      audience: [options.applicationIdUri ?? `api://${clientId}`, clientId],
      // Its discovery document stands at another place than its issuer says.
      endpoints: { jwks: `${login}/discovery/keys` },
      requiredClaims: ['appid'],
      ...common,
      ...changes,
    }
  }
  return { issuer: `${login}/v2.0`, audience: clientId, requiredClaims: ['azp'], ...common, ...changes }
}

/**
 * Auth0. `domain`: of the tenant or a custom one. Permissions of users (RBAC) are in `permissions`, beside `scope`. A token that was asked for with `openid`
 * names the userinfo endpoint as a second audience. Source: Auth0 docs, "Access Token Profiles".
 */
const auth0 = (options: { readonly domain: string }, changes: Changes = {}): IssuerOptions => {
  const issuer = `https://${text('domain', options.domain, HOST)}/`
  return {
    issuer,
    mode: 'jwt',
    algorithms: ['RS256', 'PS256'],
    audienceMode: 'allowlist',
    alsoFor: [`${issuer}userinfo`],
    scopes: { claims: ['scope', 'permissions'] },
    ...changes,
  }
}

/**
 * Okta. `authorizationServerId`: of a custom authorization server, default `default`; tokens of the organization's own server cannot be verified by others.
 * Scopes are an array in `scp`, the client is `cid`. `audience` is what the authorization server is set to, `api://default` where nobody changed it.
 * Source: Okta developer docs, "Tokens", "Validate access tokens".
 */
const okta = (
  options: { readonly domain: string; readonly authorizationServerId?: string; readonly audience?: string },
  changes: Changes = {},
): IssuerOptions => {
  const server = text('authorizationServerId', options.authorizationServerId ?? 'default', NAME)
  return {
    issuer: `https://${text('domain', options.domain, HOST)}/oauth2/${server}`,
    audience: options.audience ?? 'api://default',
    mode: 'jwt',
    algorithms: ['RS256'],
    audienceMode: 'exact',
    scopes: { claims: ['scp'] },
    ...changes,
  }
}

/**
 * Keycloak. The resource comes into `aud` by an audience mapper; `account` stands beside it by default. `clients`: whose tokens alone are taken.
 * Source: Keycloak Server Administration Guide, "Audience support".
 */
const keycloak = (options: { readonly url: string; readonly realm: string }, changes: Changes = {}): IssuerOptions => ({
  issuer: `${options.url.replace(/\/$/, '')}/realms/${encodeURIComponent(text('realm', options.realm, NAME))}`,
  mode: 'jwt',
  audienceMode: 'allowlist',
  alsoFor: ['account', 'realm-management', 'broker'],
  scopes: { claims: ['scope'] },
  ...changes,
})

/**
 * Amazon Cognito. Access tokens name an audience only where the client asked for one by resource binding, so `clients` says whose are taken. Scopes begin
 * with the resource server's identifier and `/`. Source: Amazon Cognito Developer Guide, "Understanding the access token".
 */
const cognito = (
  options: {
    readonly region: string
    readonly userPoolId: string
    readonly clients: readonly string[]
    readonly resourceServer: string
  },
  changes: Changes = {},
): IssuerOptions => {
  const region = text('region', options.region, /^[a-z]{2}(?:-[a-z]+)+-[0-9]$/)
  return {
    issuer: `https://cognito-idp.${region}.amazonaws.com/${text('userPoolId', options.userPoolId, NAME)}`,
    mode: 'jwt',
    algorithms: ['RS256'],
    audienceMode: 'client',
    clients: options.clients,
    scopes: { claims: ['scope'], prefix: `${options.resourceServer}/` },
    ...changes,
  }
}

/**
 * Google. Access tokens are opaque and asked about at the token information endpoint; they name a client as audience and hold Google's scopes alone: say by
 * `implies` what those permit here (`{ 'https://www.googleapis.com/auth/userinfo.email': ['mcp:tool:*'] }`).
 * Source: Google Identity, "Using OAuth 2.0 to Access Google APIs", "Validating access tokens".
 */
const google = (options: { readonly clients: readonly string[] }, changes: Changes = {}): IssuerOptions => ({
  issuer: 'https://accounts.google.com',
  audience: options.clients,
  clients: options.clients,
  audienceMode: 'exact',
  mode: 'tokeninfo',
  tokenPrefix: 'ya29.',
  endpoints: { introspection: 'https://oauth2.googleapis.com/tokeninfo' },
  ...changes,
})

/** Issuers whose tokens differ from what RFC 9068 says, as `IssuerOptions`; the second argument changes any field but `issuer`. */
export const presets = Object.freeze({ auth0, cognito, entra, google, keycloak, okta })
