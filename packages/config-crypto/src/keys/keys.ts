import { createSecretKey } from 'node:crypto'
import { join, resolve } from 'node:path'
import { keyBytes, kidOf } from '../crypto/derive.ts'
import { ConfigError, optionsError, refuseUnknown } from '../errors.ts'
import { kidSyntax } from '../format/key-table.ts'
import type { Keychain, KeySource, Kms } from '../types.ts'
import { type Command, commandText } from './command.ts'
import { envText, variableSyntax } from './env.ts'
import { fdText } from './fd.ts'
import { fileText } from './file.ts'
import { define, holderOf, type TextHolder } from './holder.ts'
import { keychainText } from './keychain.ts'
import { checkKms } from './kms.ts'
import { mountedText } from './mounted.ts'
import { defaultCost } from './passphrase.ts'
import { terminalText } from './terminal.ts'

const checkPath = (path: unknown, call: string): string => {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return resolve(path)
  throw optionsError(`${call} takes a path`)
}

const file = (path: string): KeySource => {
  const absolute = checkPath(path, 'keys.file')
  return define(`file:${absolute}`, fileText(absolute))
}

const env = (name: string, options: { readonly keep?: boolean } = {}): KeySource => {
  refuseUnknown('keys.env', options, ['keep'])
  if (typeof name !== 'string' || !variableSyntax.test(name)) {
    throw optionsError('keys.env takes the name of an environment variable')
  }
  return define(`env:${name}`, envText(name, options.keep === true))
}

const fd = (number: number): KeySource => {
  if (!Number.isInteger(number) || number < 0 || number > 1_048_576 || number === 1 || number === 2) {
    throw optionsError('keys.fd takes the number of an open file descriptor: 0, 3 or above')
  }
  return define(`fd:${number}`, fdText(number))
}

const mounted = (path: string): KeySource => {
  const absolute = checkPath(path, 'keys.mounted')
  return define(
    `mounted:${absolute}`,
    mountedText(`mounted secret ${JSON.stringify(absolute)}`, () => absolute),
  )
}

const credential = (name: string): KeySource => {
  if (typeof name !== 'string' || !/^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,255}$/.test(name)) {
    throw optionsError('keys.credential takes the name of a systemd credential')
  }
  const pathOf = (): string | undefined => {
    const folder = process.env['CREDENTIALS_DIRECTORY']
    return folder?.startsWith('/') ? join(folder, name) : undefined
  }
  return define(`credential:${name}`, mountedText(`systemd credential ${JSON.stringify(name)}`, pathOf))
}

const command = (argv: Command, options: { readonly timeoutMs?: number } = {}): KeySource => {
  refuseUnknown('keys.command', options, ['timeoutMs'])
  const { timeoutMs = 10_000 } = options
  const good =
    Array.isArray(argv) && argv.length > 0 && argv.every((word) => typeof word === 'string' && !word.includes('\0'))
  if (!good || argv[0] === '') throw optionsError('keys.command takes a program and its arguments')
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 600_000) {
    throw optionsError('keys.command: timeoutMs is 1 to 600000')
  }
  // Its arguments may name what nobody needs to know.
  return define(`cmd:${argv[0]}`, commandText([...argv] as unknown as Command, timeoutMs))
}

const keychain = (service: string, account: string, options: { readonly keychain?: Keychain } = {}): KeySource => {
  refuseUnknown('keys.keychain', options, ['keychain'])
  if (typeof service !== 'string' || typeof account !== 'string' || service === '' || account === '') {
    throw optionsError('keys.keychain takes a service and an account')
  }
  return define(`keychain:${service}/${account}`, keychainText(service, account, options.keychain))
}

const passphrase = (from: KeySource | 'terminal', options: { readonly cost?: number } = {}): KeySource => {
  refuseUnknown('keys.passphrase', options, ['cost'])
  const { cost = defaultCost } = options
  if (!Number.isInteger(cost) || cost < 14 || cost > 20) throw optionsError('keys.passphrase: cost is 14 to 20')
  const holder: TextHolder | undefined = from === 'terminal' ? terminalText() : textOf(holderOf(from))
  if (!holder) throw optionsError('keys.passphrase takes "terminal", or a source that holds a text')
  return define(`passphrase:${from === 'terminal' ? from : from.source}`, { kind: 'passphrase', from: holder, cost })
}

const textOf = (holder: ReturnType<typeof holderOf>): TextHolder | undefined =>
  holder.kind === 'text' ? holder : undefined

const kms = (service: Kms): KeySource => {
  const checked = checkKms(service)
  return define(`kms:${checked.provider}:${checked.ref}`, { kind: 'kms', kms: checked })
}

const raw = (bytes: Uint8Array, kid?: string): KeySource => {
  if (!(bytes instanceof Uint8Array) || bytes.length !== keyBytes) {
    throw new ConfigError('ERR_CONFIG_KEY', `keys.raw takes ${keyBytes} bytes`)
  }
  if (kid !== undefined && (typeof kid !== 'string' || !kidSyntax.test(kid))) {
    throw optionsError('a kid is 1 to 64 of A-Z a-z 0-9 _ -')
  }
  const kek = createSecretKey(bytes)
  return define('raw', { kind: 'raw', key: { kind: 'sealing', kid: kid ?? kidOf(kek), kek } })
}

// Not quoted: someone may have put the key itself there.
const badText = () =>
  optionsError(
    'a key source is "file:PATH", "env:NAME", "fd:N", "credential:NAME", "mounted:PATH", "cmd:[\\"PROGRAM\\", ...]", "keychain:SERVICE/ACCOUNT", "passphrase:terminal" or "passphrase:" and one of the others',
  )

const parseCommand = (text: string): KeySource => {
  let argv: unknown
  try {
    argv = JSON.parse(text)
  } catch {
    throw badText()
  }
  return command(argv as Command)
}

const parse = (text: string, options: { readonly dir: string }): KeySource => {
  refuseUnknown('keys.parse', options, ['dir'])
  if (typeof options.dir !== 'string') throw optionsError('keys.parse: dir must be a folder')
  const [, scheme, rest = ''] = /^([a-z]{1,16}):(.+)$/s.exec(typeof text === 'string' ? text : '') ?? []
  switch (scheme) {
    case 'file':
      return file(resolve(options.dir, rest))
    case 'mounted':
      return mounted(resolve(options.dir, rest))
    case 'env':
      return env(rest)
    case 'credential':
      return credential(rest)
    case 'fd':
      if (/^[0-9]{1,7}$/.test(rest)) return fd(Number(rest))
      throw badText()
    case 'cmd':
      return parseCommand(rest)
    case 'keychain': {
      const slash = rest.indexOf('/')
      return keychain(rest.slice(0, Math.max(slash, 0)), rest.slice(slash + 1))
    }
    case 'passphrase':
      return passphrase(rest === 'terminal' ? rest : parse(rest, options))
    default:
      throw badText()
  }
}

/**
 * Where keys come from. Those of `file`, `env`, `fd`, `credential`, `mounted` and `raw` are read first; `command`, `keychain`, `passphrase` and `kms` are asked, in their
 * order, only when none of those opens the file.
 *
 * - `file(path)`: yours or root's, mode 0600, no link, in a folder that others cannot write to
 * - `env(name, { keep? })`: a variable with the text of a key file; removed from the environment once it was read, unless `keep`
 * - `fd(number)`: what is written to an open descriptor; closed once it was read
 * - `credential(name)`: a systemd credential (`LoadCredential=`), in `$CREDENTIALS_DIRECTORY`
 * - `mounted(path)`: what Kubernetes or Docker mounts: links are followed and root's files may be readable by others; nobody but root and you may be able to exchange them
 * - `command([program, ...arguments], { timeoutMs? })`: what a program prints, run without a shell, for 10 s at most; `PORTCULLIS_KEY_IDS` tells it the kids
 * - `keychain(service, account)`: through `@napi-rs/keyring` where it is installed, or a `keychain` handed over
 * - `passphrase(from, { cost? })`: scrypt with N = 2^cost (17; 14 to 20), r = 8, p = 1; from the `terminal` or any source of a text
 * - `kms(service)`: a service that wraps and unwraps the data key
 * - `raw(bytes, kid?)`: 32 bytes; `kid` names the key in files, by default it is derived from the key
 * - `parse(text, { dir })`: `file:PATH`, `mounted:PATH` (relative to `dir`), `env:NAME`, `fd:N`, `credential:NAME`, `cmd:["PROGRAM", "ARGUMENT"]`,
 *   `keychain:SERVICE/ACCOUNT`, `passphrase:terminal`, `passphrase:SOURCE`
 * @throws ConfigError `ERR_CONFIG_OPTIONS`, `ERR_CONFIG_KEY`
 */
export const keys = Object.freeze({
  file,
  env,
  fd,
  credential,
  mounted,
  command,
  keychain,
  passphrase,
  kms,
  raw,
  parse,
})
