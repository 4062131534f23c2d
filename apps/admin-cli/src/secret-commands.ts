import { type Command, Option } from 'commander'
import type { CommandContext } from './key-commands.ts'

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

const place = 'its name, or a JSON Pointer'

const addValues = (secrets: Command, { settings }: CommandContext): void => {
  secrets
    .command('set')
    .description('store a value, read from standard input or asked for')
    .argument('<name>', 'a name for the value, or a JSON Pointer; never the value itself')
    .option('--plain', 'store it readable: not encrypted, but safe from tampering')
    // Whatever else stands there may be a value: refused by the command, which repeats nothing of it.
    .allowExcessArguments()
    .allowUnknownOption()
    .action(async (name: string, options, command: Command) =>
      (await import('./commands/secrets-set.ts')).run(settings(), name, options, command.args),
    )
  secrets
    .command('get')
    .description('print a value, alone on standard output')
    .argument('<name>', place)
    .action(async (name: string) => (await import('./commands/secrets-get.ts')).run(settings(), name))
  secrets
    .command('list')
    .description('show all names, never values')
    .action(async () => (await import('./commands/secrets-list.ts')).run(settings()))
  secrets
    .command('delete')
    .description('remove a value')
    .argument('<name>', place)
    .option('--yes', 'accepted for scripts; deleting does not ask')
    .action(async (name: string) => (await import('./commands/secrets-delete.ts')).run(settings(), name))
  secrets
    .command('import')
    .description('take over the values of a .env or JSON file; the file stays')
    .argument('<file>', 'the file')
    .addOption(new Option('--from <format>', 'what it is').choices(['dotenv', 'json']).makeOptionMandatory())
    .option('--plain <name>', 'store this one readable; may be repeated', collect)
    .option('--overwrite', 'take its values for names that are there already')
    .action(async (file: string, options) =>
      (await import('./commands/secrets-import.ts')).run(settings(), file, options),
    )
  secrets
    .command('migrate')
    .description('convert a Fernet file; the old files are kept as copies')
    .action(async () => (await import('./commands/secrets-migrate.ts')).run(settings()))
}

const addKeys = (secrets: Command, { settings, onExitCode }: CommandContext): void => {
  secrets
    .command('keys')
    .description('show which keys open the file')
    .action(async () => (await import('./commands/secrets-keys.ts')).run(settings()))
  secrets
    .command('rotate')
    .description('draw a new key; values stay as they are unless --data-key seals them anew')
    .option('--to <source>', 'where the new key is or will be (default: in the key file, before the old one)')
    .option('--grace-days <days>', 'how long the old key still opens the file (default: 0)')
    .option('--data-key', 'draw a new data key instead, against who knows the old key and had the file')
    .option('--finish', 'forget old keys: those in grace, and those in the key file that open nothing here')
    .action(async (options) => (await import('./commands/secrets-rotate.ts')).run(settings(), options))
  secrets
    .command('add-key')
    .description('let one more key open the file')
    .argument('<source>', 'where it is: file:PATH, env:NAME, passphrase:terminal, ...')
    .action(async (source: string) => (await import('./commands/secrets-add-key.ts')).run(settings(), source))
  secrets
    .command('remove-key')
    .description('let a key open the file no longer: draws a new data key')
    .argument('<kid>', 'which, as "secrets keys" shows it')
    .action(async (kid: string) => (await import('./commands/secrets-remove-key.ts')).run(settings(), kid))
  secrets
    .command('stale')
    .description('show values and keys that are older than they should be')
    .option('--days <days>', 'how old is too old (default: 90)')
    .action(async (options) => onExitCode(await (await import('./commands/secrets-stale.ts')).run(settings(), options)))
}

const addPrograms = (secrets: Command, { settings, onExitCode }: CommandContext): void => {
  secrets
    .command('exec')
    .description('run a program with secrets in its environment, and with little else in it')
    .argument('<command...>', 'behind "--": the program and its arguments; no shell reads them')
    .option(
      '--only <name>',
      'this secret, as the variable of its name; may be repeated (default: all of them)',
      collect,
    )
    .option('--env <variable=name>', 'this secret as this variable; may be repeated', collect)
    .option('--inherit <variable>', 'a variable of this process that it sees too; may be repeated', collect)
    .option('--redact', 'take all secrets out of what it writes')
    .action(async (command: string[], options) =>
      onExitCode(await (await import('./commands/secrets-exec.ts')).run(settings(), command, options)),
    )
  secrets
    .command('scan')
    .description('search files for real values of secrets, in every usual form')
    .argument('[folder]', 'where (default: the current folder)')
    .option('--staged', 'search what is staged in git instead')
    .option('--min-length <bytes>', 'shorter secrets are not looked for (default: 6)')
    .option(
      '--ignore <name>',
      'pass over files and folders of this name; may be repeated (default: .git, node_modules)',
      collect,
    )
    .action(async (folder: string | undefined, options) =>
      onExitCode(await (await import('./commands/secrets-scan.ts')).run(settings(), folder, options)),
    )
}

const addGit = (secrets: Command, { settings, onExitCode }: CommandContext): void => {
  secrets
    .command('merge-driver')
    .description('merge sealed files for git: merge.NAME.driver = portcullis secrets merge-driver %O %A %B %P')
    .argument('<base>', '%O')
    .argument('<ours>', '%A, where the merged file is written')
    .argument('<theirs>', '%B')
    .argument('[path]', '%P, for messages')
    .action(async (base: string, ours: string, theirs: string, path: string | undefined) =>
      onExitCode(
        await (await import('./commands/secrets-merge-driver.ts')).run(settings(), { base, ours, theirs, path }),
      ),
    )
  secrets
    .command('textconv')
    .description('show a sealed file for git diff, without values: diff.NAME.textconv = portcullis secrets textconv')
    .argument('<file>', 'the file')
    .action(async (file: string) => (await import('./commands/secrets-textconv.ts')).run(file))
}

export const addSecretCommands = (program: Command, context: CommandContext): void => {
  const secrets = program.command('secrets').description('store and read secrets in the sealed file')
  addValues(secrets, context)
  addKeys(secrets, context)
  addPrograms(secrets, context)
  addGit(secrets, context)
}
