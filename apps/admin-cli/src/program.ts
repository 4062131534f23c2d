import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { addKeyCommands } from './key-commands.ts'
import { printData, printWords } from './output.ts'
import { addSecretCommands } from './secret-commands.ts'
import { type GlobalOptions, readSettings, type Settings } from './settings.ts'

const version = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return String((JSON.parse(text) as { version: unknown }).version)
}

/** The command tree. Every command's code is loaded when it runs. `onExitCode` takes what a command found. */
export const createProgram = (onExitCode: (code: number) => void): Command => {
  const program = new Command('portcullis')
  const settings = (): Settings => readSettings(program.opts<GlobalOptions>())
  program
    .description('Administers Portcullis: keys, secrets, the audit trail, doctor.')
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

  addKeyCommands(program, { settings, onExitCode })

  addSecretCommands(program, { settings, onExitCode })

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
