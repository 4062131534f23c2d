import { z } from 'zod'
import { key, strings, text } from './key.ts'
import { validation } from './validation-section.ts'

/** Where a URL goes, everybody may be shown: a password in it is shown too. */
const withoutUser = (value: string): boolean => {
  if (!URL.canParse(value)) return true
  const { username, password } = new URL(value)
  return username === '' && password === ''
}
const userinfo = 'must be a URL without a user name or a password'
const webUrl = z.url({ protocol: /^https?$/ }).refine(withoutUser, userinfo)
const anyUrl = z.url().refine(withoutUser, userinfo)

// RFC 9110, sections 5.1 and 5.5. None of the messages shows what it is about: it may be a credential.
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const headerValue = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
const headers = z.record(z.string(), z.string()).superRefine((given, context) => {
  for (const [name, value] of Object.entries(given)) {
    if (!headerName.test(name)) {
      context.addIssue({ code: 'custom', path: [], message: 'a name in it is not the name of a header' })
    } else if (!headerValue.test(value)) {
      const message =
        'has a character that no header can have (a line break, a control character or one beyond Latin-1)'
      context.addIssue({ code: 'custom', path: [name], message })
    }
  }
})
const port = z.int().min(0).max(65_535)
const limit = z.strictObject({
  requests: z.int().min(1).max(1_000_000_000),
  windowMs: z.int().min(1).max(31_622_400_000),
})
const requests = (each: number): object => ({ requests: each, windowMs: 60_000 })

const listen = z.strictObject({
  host: key(text, 'The address to listen on.', '127.0.0.1'),
  port: key(port, 'The port; 0 lets the system choose.', 3000),
  path: key(z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, 'must be a path such as /mcp'), 'The endpoint.', '/mcp'),
  publicUrl: key(
    webUrl,
    'The URL of the endpoint as clients know it. Off loopback this or `allowedHosts` is needed, with OAuth this.',
  ),
  allowedHosts: key(strings, 'Names that `Host` may say, besides that of `publicUrl`; loopback names on loopback.', []),
  allowedOrigins: key(
    strings,
    'Pages that may call, as browsers write their origins; pages of this machine on loopback.',
    [],
  ),
  trustedProxies: key(strings, 'CIDR blocks of proxies whose `X-Forwarded-For` is believed.', []),
  tls: key(
    z.strictObject({
      cert: text.meta({ description: 'The certificate chain, a PEM file.' }),
      key: text.meta({ description: 'Its key, a PEM file that only its owner reads.' }),
      clientCa: key(text, 'A PEM file: only clients with a certificate of these authorities connect.'),
    }),
    'Speak HTTPS. Paths are relative to this file.',
  ),
})

const operations = z.union([
  z.literal(false),
  z.strictObject({
    host: key(text, 'The address of `/livez`, `/readyz` and `/metrics`.', '127.0.0.1'),
    port: key(port, 'Their port; without it the main one + 1, and a taken one is a warning, not an error.'),
  }),
])

const apiKeys = z.union([
  z.literal(false),
  z.strictObject({
    store: key(
      z.enum(['file', 'redis']),
      'Where keys are: `api_keys.json` in the directory, or Redis. Without it: the file, and with `redis` both.',
    ),
    header: key(
      z.string().regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header'),
      'The header besides `Authorization: Bearer`.',
      'x-api-key',
    ),
    prefix: key(
      z.string().regex(/^[a-z]{2,10}$/, 'must be two to ten lower-case letters'),
      'What keys begin with.',
      'pck',
    ),
    // A key file is looked at every 250 ms: whatever is allowed here is kept.
    maxStaleMs: key(z.int().min(250).max(3_600_000), 'How old what is known of a key may be; then 503.', 900),
  }),
])

const issuer = z.strictObject({
  issuer: webUrl.meta({ description: 'The identifier of the authorization server, exactly as in its tokens.' }),
  audience: key(
    z.union([text, z.array(text).min(1)]),
    'What its tokens must be for. Default: the URL of the endpoint.',
  ),
  audienceMode: key(
    z.enum(['member', 'exact', 'allowlist', 'client']),
    'Whether a token may be for others besides: for any, for none, for those of `alsoFor`; `client`: a token that does not say is taken of `clients`.',
    'member',
  ),
  alsoFor: key(z.array(text).min(1), 'With `audienceMode: allowlist`: who else a token may be for.'),
  clients: key(z.array(text).min(1), 'Only tokens of these clients are taken. Default: of all.'),
  profile: key(z.enum(['any', 'rfc9068']), '`rfc9068`: only JWTs of that profile.', 'any'),
  scopes: key(
    z.strictObject({
      claims: key(z.array(text).min(1), 'Claims that hold scopes. Default: `scope` and `scp`.'),
      prefix: key(text, 'Only scopes that begin so count, without it.'),
    }),
    'For servers that write scopes in their own way.',
  ),
  mode: key(
    z.enum(['auto', 'jwt', 'introspection', 'tokeninfo']),
    'How tokens are verified: by its keys, by asking it, or by what they look like; `tokeninfo`: by asking an endpoint that wants no credentials.',
    'auto',
  ),
  algorithms: key(z.array(text).min(1), 'Signature algorithms that are taken; asymmetric ones only.'),
  clientId: key(text, 'Who asks it about tokens.'),
  clientSecret: key(text, 'The secret of `clientId`.'),
  tokenPrefix: key(text, 'What its opaque tokens begin with; needed when more than one server is asked.'),
  endpoints: key(
    z.strictObject({
      authorization: key(anyUrl, 'Authorization endpoint.'),
      token: key(anyUrl, 'Token endpoint.'),
      introspection: key(anyUrl, 'Introspection endpoint (RFC 7662).'),
      jwks: key(anyUrl, 'Its keys.'),
      revocation: key(anyUrl, 'Revocation endpoint (RFC 7009).'),
    }),
    'For a server without discovery, or one to be asked elsewhere.',
  ),
})

const auth = z.strictObject({
  inBand: key(z.boolean(), 'Take API keys from inside messages over HTTP when no header has one.', false),
  apiKeys: key(apiKeys, 'API keys; `false`: none.'),
  oauth2: key(
    z.strictObject({
      issuers: z.array(issuer).min(1).meta({ description: 'Authorization servers whose tokens are taken.' }),
      dpop: key(
        z.strictObject({
          mode: key(
            z.enum(['allow', 'require', 'off']),
            'Whether tokens that are bound to a key are taken with their proof: those too, those alone, or not at all.',
            'allow',
          ),
          nonce: key(
            z.boolean(),
            'Proofs must hold a nonce of this server, so that none can be made in advance.',
            false,
          ),
        }),
        'Proof of possession (RFC 9449). Used proofs are remembered here, or in Redis where `redis` is.',
      ),
    }),
    'Access tokens of OAuth 2.1.',
  ),
  anonymous: key(strings, 'Grants of callers without a credential.', []),
})

const rule = z.strictObject({
  match: z.string().meta({ description: 'A grant without `!`: what the rule is about.' }),
  requireScopes: key(strings, 'Scopes that an OAuth principal must hold besides.'),
  arguments: key(
    z.record(z.string(), strings),
    'Globs for arguments, one of which must match: present, a string, every element of a list.',
  ),
  cost: key(z.int().min(0).max(1_000_000), 'What one call counts for against limits.', 1),
  limit: key(limit, 'A limit of its own.'),
  mode: key(z.enum(['enforce', 'monitor']), '`monitor` refuses nothing and says so in the audit log.', 'enforce'),
})

const policy = z.strictObject({
  implies: key(z.record(z.string(), strings), 'Scopes that hold others.'),
  rules: key(z.array(rule), 'Restrictions on what grants allow; all that match apply.', []),
})

const rateLimit = z.strictObject({
  store: key(z.enum(['memory', 'redis']), 'Where it is counted. Default: Redis where `redis` is, else memory.'),
  anonymous: key(limit, 'By address; also charged for credentials that are refused.', requests(100)),
  api_key: key(limit, 'For each API key.', requests(1000)),
  oauth2: key(limit, 'For each OAuth principal.', requests(500)),
  onStoreFailure: key(
    z.enum(['local', 'open', 'closed']),
    'While Redis does not answer: count here, count nothing, or refuse with 503.',
    'local',
  ),
  refusals: key(
    z.enum(['http', 'result']),
    '`result`: refused calls are tool results, for clients that hide HTTP errors.',
    'http',
  ),
})

const audit = z.union([
  z.literal(false),
  z.strictObject({
    file: key(text, 'The log, relative to the directory.', 'audit/audit.jsonl'),
    onFailure: key(
      z.enum(['block', 'continue']),
      'What cannot be audited does not run, or runs all the same.',
      'block',
    ),
  }),
])

const secrets = z.strictObject({
  file: key(text, 'The sealed file, relative to the directory.', 'secure_config.json'),
  keys: key(
    z.array(text).min(1),
    'Sources of its key, tried in turn: `file:PATH` or `mounted:PATH` (relative to the directory), `env:NAME`, `fd:N`, `credential:NAME` (systemd), `cmd:["PROGRAM", "ARGUMENT"]`, `keychain:SERVICE/ACCOUNT`, `passphrase:SOURCE`.',
    ['file:encryption.key'],
  ),
})

const redis = z.strictObject({
  url: text.meta({ description: '`redis://` or `rediss://`.' }),
  commandTimeoutMs: key(z.int().min(1).max(60_000), 'How long an answer may take.', 100),
  dangerouslyAllowPlaintextRedis: key(z.boolean(), 'Talk to a Redis on another machine without TLS.', false),
})

const upstream = z.union([
  z.strictObject({
    command: text.meta({ description: 'A stdio MCP server to start.' }),
    args: key(strings, 'Its arguments.', []),
    env: key(z.record(z.string(), z.string()), 'Its environment besides PATH, HOME and the locale.', {}),
    cwd: key(text, 'Its working directory.'),
    isolation: key(z.literal('shared'), 'One process for all clients.', 'shared'),
  }),
  z.strictObject({
    url: webUrl.meta({ description: 'A Streamable HTTP MCP server.' }),
    headers: key(headers, 'Headers of every request to it: its own credential, never a client’s.', {}),
  }),
])

const log = z.strictObject({
  level: key(z.enum(['debug', 'info', 'warn', 'error']), 'The least that is said.', 'info'),
  format: key(z.enum(['auto', 'json', 'text']), '`auto`: JSON off a terminal.', 'auto'),
})

/** The configuration file. Every key is optional; what is not here is an error. */
export const schema = z.strictObject({
  name: key(text.max(128), 'What the server calls itself.', 'secure-mcp-server'),
  listen: key(listen, 'Where clients connect.'),
  operations: key(operations, 'The listener for whoever runs the server; `false`: none.'),
  auth: key(auth, 'Who is recognised.'),
  policy: key(policy, 'Who may do what, beyond grants.'),
  rateLimit: key(rateLimit, 'How often.'),
  validation: key(validation, 'What requests may look like.'),
  audit: key(audit, 'The audit log; `false`: none. On stdio there is one only if it is here.'),
  secrets: key(secrets, 'Where `secret://NAME` leads.'),
  redis: key(redis, 'What several servers share.'),
  upstreams: key(
    z.record(
      z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a letter, then letters, digits and "-" in lower case'),
      upstream,
    ),
    'MCP servers behind this one, by the name that their tools begin with.',
  ),
  log: key(log, 'What is said on standard error.'),
})

export type Configuration = z.infer<typeof schema>
