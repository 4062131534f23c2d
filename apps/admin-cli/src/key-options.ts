import type { KeyPatch, KeySettings } from '@portcullis/auth-apikey'
import { type Command, Option } from 'commander'
import { parseExpiry, parseSpan, parseTime } from './expiry.ts'
import { usageError } from './failure.ts'

/** What the options that several commands share say, as it was typed. */
export interface SettingOptions {
  readonly allow?: readonly string[]
  readonly expires?: string
  readonly notBefore?: string
  readonly owner?: string
  readonly from?: readonly string[]
  readonly notFrom?: readonly string[]
  readonly audience?: readonly string[]
  readonly limit?: readonly string[]
  readonly meta?: readonly string[]
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

const repeatable = (flags: string, description: string): Option => new Option(flags, description).argParser(collect)

/** Every setting of a key and the option for it; those of lists may be repeated. */
const settingOptions = {
  allow: () => repeatable('--allow <grant>', 'what it may do, such as get_* or github/* (repeatable)'),
  expires: (without: string) => new Option('--expires <time>', `90d, 12h, 30m, 2030-12-31 or never; ${without}`),
  notBefore: () => new Option('--not-before <time>', 'not good before then'),
  owner: () => new Option('--owner <text>', 'whose key it is'),
  from: () => repeatable('--from <cidr>', 'network that it may come from (repeatable)'),
  notFrom: () => repeatable('--not-from <cidr>', 'network that it may not come from (repeatable)'),
  audience: () => repeatable('--audience <text>', 'server that it is good for: name or URL (repeatable)'),
  limit: () => repeatable('--limit <requests/time>', 'limit of its own, such as 100/1m or 5000/1d (repeatable)'),
  meta: () => repeatable('--meta <name=value>', 'anything else worth knowing of it (repeatable)'),
} as const

type Setting = keyof typeof settingOptions

/** Gives a command the options for settings. `without` says what a key without `--expires` gets. */
export const addSettingOptions = (command: Command, without: string, leftOut: readonly Setting[] = []): Command => {
  for (const [setting, make] of Object.entries(settingOptions)) {
    if (!leftOut.includes(setting as Setting)) command.addOption(make(without))
  }
  return command
}

const parseLimit = (text: string): { readonly requests: number; readonly windowMs: number } => {
  const [, requests, time = ''] = /^([1-9][0-9]{0,9})\/(.*)$/s.exec(text) ?? []
  const windowMs = parseSpan(time)
  if (requests === undefined || windowMs === undefined) {
    throw usageError(`--limit ${JSON.stringify(text)} is not a limit: 100/1m, 5000/1d; the units are s, m, h and d`)
  }
  return { requests: Number(requests), windowMs }
}

const parseMeta = (texts: readonly string[]): Record<string, string> => {
  const entries = texts.map((text): [string, string] => {
    const at = text.indexOf('=')
    if (at < 1) throw usageError(`--meta ${JSON.stringify(text)} is not NAME=VALUE`)
    return [text.slice(0, at), text.slice(at + 1)]
  })
  const metadata = Object.fromEntries(entries)
  if (Object.keys(metadata).length < entries.length) throw usageError('--meta: two values have the same name')
  return metadata
}

/** The settings that were given, as the package takes them; it checks the rest. Throws CliError `ERR_CLI_USAGE`. */
export const readKeySettings = (options: SettingOptions, nowMs: number): Partial<KeySettings> => {
  const { allow, expires, notBefore, owner, from, notFrom, audience, limit, meta } = options
  return {
    ...(allow === undefined ? {} : { grants: allow }),
    ...(expires === undefined ? {} : { expiresAtMs: parseExpiry(expires, nowMs) }),
    ...(notBefore === undefined ? {} : { notBeforeMs: parseTime('--not-before', notBefore, nowMs) }),
    ...(owner === undefined ? {} : { owner }),
    ...(from === undefined ? {} : { allowedAddresses: from }),
    ...(notFrom === undefined ? {} : { deniedAddresses: notFrom }),
    ...(audience === undefined ? {} : { audiences: audience }),
    ...(limit === undefined ? {} : { limits: limit.map(parseLimit) }),
    ...(meta === undefined ? {} : { metadata: parseMeta(meta) }),
  }
}

/** What `--clear` takes away, by the name of its option. `expires` is not among them: a key that never expires is asked for by `--expires never`. */
const cleared: Readonly<Record<string, KeyPatch>> = {
  allow: { grants: [] },
  audience: { audiences: null },
  from: { allowedAddresses: null },
  limit: { limits: null },
  meta: { metadata: null },
  'not-before': { notBeforeMs: null },
  'not-from': { deniedAddresses: null },
  owner: { owner: null },
}

export const addClearOption = (command: Command): Command =>
  command.addOption(repeatable('--clear <options>', `takes away: ${Object.keys(cleared).join(', ')} (repeatable)`))

/** Reads `--clear owner,from`. Throws CliError `ERR_CLI_USAGE` for what cannot be cleared, and what is set as well. */
export const readCleared = (texts: readonly string[], given: KeyPatch): KeyPatch => {
  const patches = texts
    .flatMap((text) => text.split(','))
    .map((name) => {
      const patch = Object.hasOwn(cleared, name) ? cleared[name] : undefined
      if (patch === undefined) {
        throw usageError(
          `--clear ${JSON.stringify(name)}: what can be cleared is ${Object.keys(cleared).join(', ')}, separated by commas`,
        )
      }
      if (Object.keys(patch).some((field) => Object.hasOwn(given, field))) {
        throw usageError(`--${name} and --clear ${name} contradict each other`)
      }
      return patch
    })
  return Object.assign({}, ...patches)
}
