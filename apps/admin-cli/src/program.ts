import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { printData, printWords } from './output.ts'
import { type GlobalOptions, readSettings, type Settings } from './settings.ts'

const version = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return String((JSON.parse(text) as { version: unknown }).version)
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

/** The command tree. Every command's code is loaded when it runs. `onExitCode` takes what a command found. */
export const createProgram = (onExitCode: (code: number) => void): Command => {
  const program = new Command('portcullis')
  const settings = (): Settings => readSettings(program.opts<GlobalOptions>())
  program
    .description('Administers Portcullis: keys, the audit trail, doctor.')
    .exitOverride()
    .configureOutput({
      writeOut: printData,
      writeErr: (text) => printWords(text.trimEnd()),
      // Errors are thrown and reported in one place.
      outputError: () => {},
    })
    .configureHelp({ showGlobalOptions: true })
    .version(version(), '-V, --version', 'print the version')
    .addOption(new Option('--dir <dir>', 'configuration folder (default: PORTCULLIS_HOME, else ./config)'))
    .addOption(
      new Option('--config <file>', 'configuration file (default: PORTCULLIS_CONFIG, else portcullis.yaml there)'),
    )
    .option('--json', 'print JSON, errors too')

  const keys = program.command('keys').description('issue, list and revoke API keys')
  keys
    .command('create')
    .description('issue a key; it is printed once, alone on standard output')
    .argument('<name>', 'a name for the key, never the key itself')
    .option('--allow <grant>', 'what the key may do, such as get_* or github/*; may be repeated', collect, [])
    .option('--expires <time>', '90d, 12h, 30m or 2030-12-31; without it the key does not expire')
    .option('--quiet', 'print nothing but the key')
    .action(async (name: string, options) => (await import('./commands/keys-create.ts')).run(settings(), name, options))
  keys
    .command('list')
    .description('show all keys, never their text')
    .action(async () => (await import('./commands/keys-list.ts')).run(settings()))
  keys
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<name>', 'name or id of the key')
    .option('--reason <text>', 'why, for the record')
    .option('--yes', 'accepted for scripts; revoking does not ask')
    .action(async (name: string, options) => (await import('./commands/keys-revoke.ts')).run(settings(), name, options))
  keys
    .command('migrate')
    .description('convert a file of plain-text keys; the keys go on working')
    .action(async () => (await import('./commands/keys-migrate.ts')).run(settings()))

  program
    .command('audit')
    .description('check the audit trail')
    .command('verify')
    .description('check every record of an audit log; prints its head')
    .argument('[file]', 'the log (default: audit/audit.jsonl in the configuration folder)')
    .option('--no-key', 'the log was written without a key')
    .option('--expect-head <head>', 'a head printed before: records cut off the end are seen too')
    .action(async (file: string | undefined, options) => {
      onExitCode(await (await import('./commands/audit-verify.ts')).run(settings(), file, options))
    })

  program
    .command('doctor')
    .description('look for mistakes in the installation')
    .action(async () => onExitCode(await (await import('./commands/doctor.ts')).run(settings())))
  return program
}
