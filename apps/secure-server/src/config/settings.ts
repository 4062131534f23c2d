import { FileError, readTextFile } from '@portcullis-internal/files'
import type { PolicyOptions } from '@portcullis/authz'
import type { LogLevel } from '@portcullis/guard'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { configurationError } from '../exit.ts'
import type { Flags } from '../flags.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { parseConfiguration } from './parse.ts'
import type { Configuration } from './schema.ts'

export interface Limit {
  readonly requests: number
  readonly windowMs: number
}

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
  }
  /** `explicit`: somebody asked for this port, so not getting it is an error. */
  readonly operations: { readonly host: string; readonly port: number; readonly explicit: boolean } | false
  readonly auth: {
    readonly enabled: boolean
    readonly inBand: boolean
    readonly keys: { readonly header: string; readonly prefix: string } | false
    readonly anonymous: readonly string[]
    /** `MCP_API_KEY` */
    readonly apiKey?: string
  }
  readonly policy: PolicyOptions
  readonly rateLimit: { readonly anonymous: Limit; readonly api_key: Limit; readonly refusals: 'http' | 'result' }
  readonly validation: {
    readonly preset: 'off' | 'standard' | 'strict'
    readonly maxBodyBytes: number
    readonly maxDepth: number
    readonly blockedAddresses: readonly string[]
  }
  readonly audit: { readonly file: string; readonly onFailure: 'block' | 'continue' } | false
  readonly log: { readonly level: LogLevel; readonly format: 'auto' | 'json' | 'text' }
}

const fileNames = ['portcullis.yaml', 'portcullis.yml', 'portcullis.json']
const loopback = new Set(['127.0.0.1', '::1', 'localhost'])

const findConfiguration = (dir: string): string | undefined => {
  const found = fileNames.map((name) => join(dir, name)).filter((path) => existsSync(path))
  if (found.length > 1) throw configurationError(`${found.join(' and ')} are both there: keep one`)
  return found[0]
}

const readConfiguration = (path: string, env: Environment): Configuration => {
  try {
    const text = readTextFile(path, { secret: false, maxBytes: 1_048_576 })
    const readFile = (name: string): string =>
      readTextFile(resolve(dirname(path), name), { secret: true, maxBytes: 65_536 })
    return parseConfiguration(text, path, { env, readFile })
  } catch (error) {
    if (error instanceof FileError) throw configurationError(error.message, { cause: error })
    throw error
  }
}

const hostOf = (publicUrl: string | undefined): string[] =>
  publicUrl === undefined ? [] : [new URL(publicUrl).hostname]

/** @throws {ExitError} 78 when anything is wrong with the environment or the file. */
export const readSettings = (flags: Flags, env: Environment, cwd: string): Settings => {
  const fromEnv = readEnvironment(env)
  const dir = resolve(cwd, flags.dir ?? fromEnv.dir ?? 'config')
  const named = flags.config ?? fromEnv.config
  const path = named === undefined ? findConfiguration(dir) : resolve(cwd, named)
  const file: Configuration = path === undefined ? {} : readConfiguration(path, env)

  const listen = file.listen ?? {}
  const host = flags.host ?? fromEnv.host ?? listen.host ?? '127.0.0.1'
  const port = flags.port ?? fromEnv.port ?? listen.port ?? 3000
  const apiKeys = file.auth?.apiKeys ?? {}
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
          : { header: (apiKeys.header ?? 'x-api-key').toLowerCase(), prefix: apiKeys.prefix ?? 'pck' },
      anonymous: file.auth?.anonymous ?? [],
      ...(fromEnv.apiKey === undefined ? {} : { apiKey: fromEnv.apiKey }),
    },
    policy: {
      ...(file.policy?.implies === undefined ? {} : { implies: file.policy.implies }),
      rules: (file.policy?.rules ?? []) as NonNullable<PolicyOptions['rules']>,
    },
    rateLimit: {
      anonymous: file.rateLimit?.anonymous ?? { requests: 100, windowMs: 60_000 },
      api_key: file.rateLimit?.api_key ?? { requests: 1000, windowMs: 60_000 },
      refusals: file.rateLimit?.refusals ?? 'http',
    },
    validation: {
      preset: file.validation?.preset ?? 'standard',
      maxBodyBytes: file.validation?.maxBodyBytes ?? 1_048_576,
      maxDepth: file.validation?.maxDepth ?? 64,
      blockedAddresses: file.validation?.blockedAddresses ?? [],
    },
    audit:
      audit === false
        ? false
        : { file: resolve(dir, audit.file ?? 'audit/audit.jsonl'), onFailure: audit.onFailure ?? 'block' },
    log: { level: fromEnv.debug ? 'debug' : (file.log?.level ?? 'info'), format: file.log?.format ?? 'auto' },
  }
}
