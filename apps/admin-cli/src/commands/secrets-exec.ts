import { constants } from 'node:os'
import { run as runProgram, variablesOf } from '@portcullis/config-crypto/exec'
import { usageError } from '../failure.ts'
import { printWords, safeLine } from '../output.ts'
import { openSecretsOrFail } from '../secrets.ts'
import type { Settings } from '../settings.ts'

export interface ExecOptions {
  readonly only?: readonly string[]
  readonly env?: readonly string[]
  readonly inherit?: readonly string[]
  readonly redact?: boolean
}

const explicit = (texts: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    texts.map((text) => {
      const [, variable, name] = /^([A-Za-z_][A-Za-z0-9_]*)=(.+)$/.exec(text) ?? []
      // Not quoted: someone may have put a value there.
      if (variable === undefined || name === undefined) throw usageError('--env is VARIABLE=NAME-OF-A-SECRET')
      return [variable, name]
    }),
  )

/** The exit code of the program, or as shells say that a signal ended it. */
export const run = async (settings: Settings, command: readonly string[], options: ExecOptions): Promise<number> => {
  const { only, env = [], inherit = [], redact = false } = options
  const named = explicit(env)
  const secrets = await openSecretsOrFail(settings)
  const all = () => secrets.names().flatMap(({ name, sealed }) => (sealed ? [name] : []))
  const names = only ?? (env.length > 0 ? [] : all())
  const variables = { ...variablesOf(names), ...named }
  const onTooShort = (pointers: readonly string[]): void =>
    printWords(safeLine(`Too short to be taken out of what it writes: ${pointers.slice(0, 10).join(', ')}`))
  const { code, signal } = await runProgram(secrets, command, { variables, inherit, redact, onTooShort })
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
}
