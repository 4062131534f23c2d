import { type Configuration, readConfiguration } from '@portcullis-internal/configuration'
import { readTextFile } from '@portcullis-internal/files'
import type { PolicyOptions } from '@portcullis/authz'
import type { LogLevel } from '@portcullis/guard'
import { dirname, resolve } from 'node:path'
import { configurationError } from '../exit.ts'
import type { Flags } from '../flags.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { openSecrets } from './secrets.ts'

export interface Limit {
  readonly requests: number
  readonly windowMs: number
}

export interface KeySettings {
  readonly header: string
  readonly prefix: string
  /** Where keys are looked up, in this order; new ones go to the last. */
  readonly stores: readonly ('file' | 'redis')[]
  readonly maxStaleMs: number
}

export interface RedisSettings {
  readonly url: string
  readonly commandTimeoutMs: number
  readonly dangerouslyAllowPlaintextRedis: boolean
}

type Section<Name extends keyof Configuration> = NonNullable<Configuration[Name]>
export type IssuerSettings = NonNullable<Section<'auth'>['oauth2']>['issuers'][number]
export type DpopSettings = { readonly mode: 'allow' | 'require' | 'off'; readonly nonce: boolean }
export type UpstreamSettings = Section<'upstreams'>[string]
export type ToolSettings = NonNullable<Section<'validation'>['tools']>

/** Everything the program needs to know, each value from the first of: flag, environment, file, default. */
export interface Settings {
  readonly dir: string
  readonly name: string
  readonly stdio: boolean
  readonly command?: readonly [string, ...string[]]
  readonly listen: {
    readonly host: string
    readonly port: number
    readonly path: string
    readonly loopback: boolean
    readonly publicUrl?: string
    readonly allowedHosts: readonly string[]
    readonly allowedOrigins: readonly string[]
    readonly trustedProxies: readonly string[]
    /** PEM texts. */
    readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  }
  /** `explicit`: somebody asked for this port, so not getting it is an error. */
  readonly operations: { readonly host: string; readonly port: number; readonly explicit: boolean } | false
  readonly auth: {
    readonly enabled: boolean
    readonly inBand: boolean
    readonly keys: KeySettings | false
    readonly oauth2?: { readonly issuers: readonly IssuerSettings[]; readonly dpop: DpopSettings }
    readonly anonymous: readonly string[]
    /** `MCP_API_KEY` */
    readonly apiKey?: string
  }
  readonly policy: PolicyOptions
  readonly rateLimit: {
    readonly store: 'memory' | 'redis'
    readonly anonymous: Limit
    readonly api_key: Limit
    readonly oauth2: Limit
    readonly onStoreFailure: 'local' | 'open' | 'closed'
    readonly refusals: 'http' | 'result'
  }
  readonly validation: {
    readonly preset: 'off' | 'standard' | 'strict'
    readonly maxBodyBytes: number
    readonly maxDepth: number
    readonly blockedAddresses: readonly string[]
    readonly tools: ToolSettings
    readonly modes: NonNullable<Section<'validation'>['modes']>
    readonly suppressions: NonNullable<Section<'validation'>['suppressions']>
    readonly results: NonNullable<Section<'validation'>['results']>
  }
  readonly redis?: RedisSettings
  readonly upstreams: Readonly<Record<string, UpstreamSettings>>
  readonly audit: { readonly file: string; readonly onFailure: 'block' | 'continue' } | false
  readonly log: { readonly level: LogLevel; readonly format: 'auto' | 'json' | 'text' }
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

/** Certificates are for everybody to read, keys are not. */
const readTls = (tls: NonNullable<Section<'listen'>['tls']>, path: string): Settings['listen']['tls'] => {
  const read = (name: string, secret: boolean): string => {
    try {
      return readTextFile(resolve(dirname(path), name), { secret, maxBytes: 1_048_576 })
    } catch (error) {
      throw configurationError(`listen.tls: ${(error as Error).message}`, { cause: error })
    }
  }
  return {
    cert: read(tls.cert, false),
    key: read(tls.key, true),
    ...(tls.clientCa === undefined ? {} : { clientCa: read(tls.clientCa, false) }),
  }
}

const hostOf = (publicUrl: string | undefined): string[] =>
  publicUrl === undefined ? [] : [new URL(publicUrl).hostname]

const hasUser = (url: string | undefined): boolean => {
  if (url === undefined || !URL.canParse(url)) return false
  const { username, password } = new URL(url)
  return username !== '' || password !== ''
}

/** @throws {ExitError} 78 when anything is wrong with the environment or the file. */
export const readSettings = (flags: Flags, env: Environment, cwd: string): Settings => {
  const fromEnv = readEnvironment(env)
  const dir = resolve(cwd, flags.dir ?? fromEnv.dir ?? 'config')
  const named = flags.config ?? fromEnv.config
  const { configuration: file, path } = readConfiguration({
    dir,
    file: named === undefined ? undefined : resolve(cwd, named),
    env,
    openSecrets,
  })

  const listen = file.listen ?? {}
  const host = flags.host ?? fromEnv.host ?? listen.host ?? '127.0.0.1'
  const port = flags.port ?? fromEnv.port ?? listen.port ?? 3000
  const apiKeys = file.auth?.apiKeys ?? {}
  const url = fromEnv.redisUrl ?? file.redis?.url
  const needRedis = (place: string, store: string | undefined): void => {
    if (store === 'redis' && url === undefined) throw configurationError(`${place} is redis: that needs redis.url`)
  }
  needRedis('auth.apiKeys.store', apiKeys === false ? undefined : apiKeys.store)
  needRedis('rateLimit.store', file.rateLimit?.store)
  // The file's URLs are checked where it is read.
  if (hasUser(fromEnv.oauth2?.issuer)) {
    throw configurationError('OAUTH2_AUTH_SERVER must be a URL without a user name or a password')
  }
  const { mode = 'allow', nonce = false } = file.auth?.oauth2?.dpop ?? {}
  const dpop = { mode, nonce }
  const issuers = fromEnv.oauth2 === undefined ? file.auth?.oauth2?.issuers : [fromEnv.oauth2]
  const operations = file.operations ?? {}
  const opsPort = flags.opsPort ?? (operations === false ? undefined : operations.port)
  const audit = file.audit ?? (flags.stdio ? false : {})
  return {
    dir,
    name: file.name ?? 'secure-mcp-server',
    stdio: flags.stdio,
    ...(flags.command === undefined ? {} : { command: flags.command }),
    listen: {
      host,
      port,
      path: listen.path ?? '/mcp',
      loopback: loopback.has(host),
      ...(listen.publicUrl === undefined ? {} : { publicUrl: listen.publicUrl }),
      allowedHosts: [...(listen.allowedHosts ?? []), ...hostOf(listen.publicUrl)],
      allowedOrigins: listen.allowedOrigins ?? [],
      trustedProxies: listen.trustedProxies ?? [],
      ...(listen.tls === undefined || path === undefined ? {} : { tls: readTls(listen.tls, path) as never }),
    },
    operations:
      flags.stdio || (operations === false && flags.opsPort === undefined)
        ? false
        : {
            host: operations === false ? '127.0.0.1' : (operations.host ?? '127.0.0.1'),
            // Port 0 has no neighbour: the system chooses both.
            port: opsPort ?? (port === 0 ? 0 : (port + 1) % 65_536),
            explicit: opsPort !== undefined,
          },
    auth: {
      enabled: fromEnv.authEnabled,
      inBand: file.auth?.inBand ?? false,
      keys:
        apiKeys === false
          ? false
          : {
              header: (apiKeys.header ?? 'x-api-key').toLowerCase(),
              prefix: apiKeys.prefix ?? 'pck',
              stores:
                apiKeys.store === undefined ? (url === undefined ? ['file'] : ['file', 'redis']) : [apiKeys.store],
              maxStaleMs: apiKeys.maxStaleMs ?? 900,
            },
      ...(issuers === undefined ? {} : { oauth2: { issuers, dpop } }),
      anonymous: file.auth?.anonymous ?? [],
      ...(fromEnv.apiKey === undefined ? {} : { apiKey: fromEnv.apiKey }),
    },
    policy: {
      ...(file.policy?.implies === undefined ? {} : { implies: file.policy.implies }),
      rules: (file.policy?.rules ?? []) as NonNullable<PolicyOptions['rules']>,
    },
    rateLimit: {
      store: file.rateLimit?.store ?? (url === undefined ? 'memory' : 'redis'),
      anonymous: file.rateLimit?.anonymous ?? { requests: 100, windowMs: 60_000 },
      api_key: file.rateLimit?.api_key ?? { requests: 1000, windowMs: 60_000 },
      oauth2: file.rateLimit?.oauth2 ?? { requests: 500, windowMs: 60_000 },
      onStoreFailure: file.rateLimit?.onStoreFailure ?? 'local',
      refusals: file.rateLimit?.refusals ?? 'http',
    },
    validation: {
      preset: file.validation?.preset ?? 'standard',
      maxBodyBytes: file.validation?.maxBodyBytes ?? 1_048_576,
      maxDepth: file.validation?.maxDepth ?? 64,
      blockedAddresses: file.validation?.blockedAddresses ?? [],
      tools: file.validation?.tools ?? {},
      modes: file.validation?.modes ?? {},
      suppressions: file.validation?.suppressions ?? [],
      results: file.validation?.results ?? {},
    },
    ...(url === undefined
      ? {}
      : {
          redis: {
            url,
            commandTimeoutMs: file.redis?.commandTimeoutMs ?? 100,
            dangerouslyAllowPlaintextRedis: file.redis?.dangerouslyAllowPlaintextRedis ?? false,
          },
        }),
    upstreams: file.upstreams ?? {},
    audit:
      audit === false
        ? false
        : { file: resolve(dir, audit.file ?? 'audit/audit.jsonl'), onFailure: audit.onFailure ?? 'block' },
    log: { level: fromEnv.debug ? 'debug' : (file.log?.level ?? 'info'), format: file.log?.format ?? 'auto' },
  }
}
