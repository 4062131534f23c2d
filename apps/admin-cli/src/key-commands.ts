import { type Command, Option } from 'commander'
import { addClearOption, addSettingOptions } from './key-options.ts'
import type { Settings } from './settings.ts'

/** What a command is run with. */
export interface CommandContext {
  readonly settings: () => Settings
  /** Takes what a command found. */
  readonly onExitCode: (code: number) => void
}

const nameOrId = 'name or id of the key'
const quiet = () => new Option('--quiet', 'print nothing but the key')
const tenant = () => new Option('--tenant <text>', 'whose of many; cannot be changed later')

const addMakers = (keys: Command, { settings }: CommandContext): void => {
  const create = keys
    .command('create')
    .description('issue a key; it is printed once, alone on standard output')
    .argument('<name>', 'a name for the key, never the key itself')
  addSettingOptions(create, 'without it 90 days')
    .addOption(tenant())
    .option('--env <word>', 'second word of the key (default: live)')
    .addOption(quiet())
    .action(async (name: string, options) => (await import('./commands/keys-create.ts')).run(settings(), name, options))

  const issue = keys
    .command('issue')
    .description('issue a key in the name of another, with part of its rights and life')
    .argument('<parent>', 'name or id of the key that issues it; it needs the grant admin:delegate')
    .argument('<name>', 'a name for the new key')
  addSettingOptions(issue, 'without it 1 hour', ['owner', 'limit'])
    .addOption(quiet())
    .action(async (parent: string, name: string, options) =>
      (await import('./commands/keys-issue.ts')).run(settings(), parent, name, options),
    )

  const taken = keys
    .command('import')
    .description('take over a key that others issued, read from standard input or asked for')
    .argument('<name>', 'a name for the key, never the key itself')
    // Whatever else stands there may be a key: refused by the command, which repeats nothing of it.
    .allowExcessArguments()
    .option('--hash', 'what is read is the SHA-256 of the key, in hex or base64')
  addSettingOptions(taken, 'without it never')
    .addOption(tenant())
    .option('--origin <text>', 'where it came from (default: import)')
    .action(async (name: string, options, command: Command) =>
      (await import('./commands/keys-import.ts')).run(settings(), name, options, command.args),
    )
}

const addReaders = (keys: Command, { settings, onExitCode }: CommandContext): void => {
  keys
    .command('list')
    .description('show all keys, never their text')
    .option('--owner <text>', 'those of this owner')
    .option('--tenant <text>', 'those of this tenant')
    .action(async (options) => (await import('./commands/keys-list.ts')).run(settings(), options))
  keys
    .command('show')
    .description('show everything that is known of a key but its text and hash')
    .argument('<name>', nameOrId)
    .action(async (name: string) => (await import('./commands/keys-show.ts')).run(settings(), name))
  keys
    .command('export')
    .description('print all records as JSON, without hashes')
    .action(async () => (await import('./commands/keys-export.ts')).run(settings()))
  keys
    .command('check')
    .description('read a key from standard input and say whether its checksum holds')
    .allowExcessArguments()
    .action(async (_options, command: Command) =>
      onExitCode(await (await import('./commands/keys-check.ts')).run(settings(), command.args)),
    )
}

const addChanges = (keys: Command, { settings }: CommandContext): void => {
  keys
    .command('rotate')
    .description('issue a successor, printed once; the old key stays good for a while')
    .argument('<name>', nameOrId)
    .option('--overlap <time>', 'how long the old key stays good (default: 24h)')
    .option('--first-use', 'the old key ends earlier, when the new one is used')
    .option('--leaked', 'the old key ends at once')
    .addOption(quiet())
    .action(async (name: string, options) => (await import('./commands/keys-rotate.ts')).run(settings(), name, options))
  const update = keys
    .command('update')
    .description('change a key; lists take the place of those that were there')
    .argument('<name>', nameOrId)
  addClearOption(addSettingOptions(update, 'without it as before'))
    .option('--rename <name>', 'its new name')
    .option('--if-rev <number>', 'only if it still is of this revision')
    .action(async (name: string, options) => (await import('./commands/keys-update.ts')).run(settings(), name, options))
  keys
    .command('disable')
    .description('refuse a key until it is enabled')
    .argument('<name>', nameOrId)
    .option('--reason <text>', 'why, for the record')
    .action(async (name: string, options) =>
      (await import('./commands/keys-status.ts')).disable(settings(), name, options),
    )
  keys
    .command('enable')
    .description('accept a key again that was disabled')
    .argument('<name>', nameOrId)
    .action(async (name: string) => (await import('./commands/keys-status.ts')).enable(settings(), name))
  keys
    .command('revoke')
    .description('refuse a key from now on, for good; or all keys of an owner or tenant')
    .argument('[name]', nameOrId)
    .option('--reason <text>', 'why, for the record')
    .option('--owner <text>', 'all keys of this owner')
    .option('--tenant <text>', 'all keys of this tenant')
    .option('--yes', 'do not ask; a single key is revoked without asking')
    .action(async (name: string | undefined, options) =>
      (await import('./commands/keys-revoke.ts')).run(settings(), name, options),
    )
}

/** The group `keys`. */
export const addKeyCommands = (program: Command, context: CommandContext): void => {
  const keys = program.command('keys').description('issue, change, rotate and revoke API keys')
  addMakers(keys, context)
  addReaders(keys, context)
  addChanges(keys, context)
  keys
    .command('migrate')
    .description('convert a file of plain-text keys; the keys go on working')
    .action(async () => (await import('./commands/keys-migrate.ts')).run(context.settings()))
}
