import { readTextFile } from '@portcullis-internal/files'
import { configurationError } from '../exit.ts'
import { portOf } from '../flags.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment says. Empty variables count as unset: that is how shells and containers unset them. */
export interface EnvironmentSettings {
  readonly authEnabled: boolean
  /** `MCP_API_KEY`, or what is in `MCP_API_KEY_FILE`. */
  readonly apiKey?: string
  /** `OAUTH2_AUTH_SERVER` and the client by which it is asked about tokens. */
  readonly oauth2?: { readonly issuer: string; readonly clientId?: string; readonly clientSecret?: string }
  readonly redisUrl?: string
  readonly debug: boolean
  readonly config?: string
  readonly dir?: string
  readonly host?: string
  readonly port?: number
}

const flag = (env: Environment, name: string, fallback: boolean): boolean => {
  const value = env[name]
  if (value === undefined || value === '') return fallback
  if (value === 'true' || value === 'false') return value === 'true'
  throw configurationError(`${name} is ${JSON.stringify(value)}: only "true" or "false" is meant by anybody`)
}

const port = (env: Environment, name: string): number | undefined => {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  const number = portOf(text)
  if (number === undefined)
    throw configurationError(`${name} must be a number from 0 to 65535, not ${JSON.stringify(text)}`)
  return number
}

const apiKeyOf = (env: Environment): string | undefined => {
  const key = env['MCP_API_KEY'] || undefined
  const file = env['MCP_API_KEY_FILE'] || undefined
  if (file === undefined) return key
  if (key !== undefined) throw configurationError('MCP_API_KEY and MCP_API_KEY_FILE are both set: set one')
  let text: string
  try {
    text = readTextFile(file, { secret: true, maxBytes: 65_536 }).trim()
  } catch (error) {
    throw configurationError(`MCP_API_KEY_FILE: ${(error as Error).message}`, { cause: error })
  }
  if (text === '') throw configurationError(`MCP_API_KEY_FILE: ${JSON.stringify(file)} is empty`)
  return text
}

const oauth2Of = (env: Environment): EnvironmentSettings['oauth2'] => {
  const issuer = env['OAUTH2_AUTH_SERVER'] || undefined
  const clientId = env['OAUTH2_CLIENT_ID'] || undefined
  const clientSecret = env['OAUTH2_CLIENT_SECRET'] || undefined
  if (issuer === undefined) {
    if (clientId === undefined && clientSecret === undefined) return undefined
    throw configurationError('OAUTH2_CLIENT_ID and OAUTH2_CLIENT_SECRET need OAUTH2_AUTH_SERVER: whose client it is')
  }
  if (clientSecret !== undefined && clientId === undefined) {
    throw configurationError('OAUTH2_CLIENT_SECRET needs OAUTH2_CLIENT_ID: whose secret it is')
  }
  return {
    issuer,
    ...(clientId === undefined ? {} : { clientId }),
    ...(clientSecret === undefined ? {} : { clientSecret }),
  }
}

/** @throws {ExitError} 78 for a value that says nothing clear. */
export const readEnvironment = (env: Environment): EnvironmentSettings => {
  const apiKey = apiKeyOf(env)
  const oauth2 = oauth2Of(env)
  const redisUrl = env['PORTCULLIS_REDIS_URL'] || undefined
  const number = port(env, 'PORTCULLIS_PORT') ?? port(env, 'PORT')
  const texts = { config: env['PORTCULLIS_CONFIG'], dir: env['PORTCULLIS_HOME'], host: env['PORTCULLIS_HOST'] }
  return {
    authEnabled: flag(env, 'MCP_AUTH_ENABLED', true),
    debug: flag(env, 'MCP_DEBUG', false),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(oauth2 === undefined ? {} : { oauth2 }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(number === undefined ? {} : { port: number }),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined && text !== '')),
  }
}
