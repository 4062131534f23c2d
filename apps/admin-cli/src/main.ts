import { describeFailure, exitCodes, usageError } from './failure.ts'
import { printWords, ReaderGone, safeLine } from './output.ts'
import { createProgram } from './program.ts'

// An argument can be seen by every user of the machine and stays in the shell's history. Also behind a word, as in `token=pck_...`; names in a path are left alone.
const keyShaped = /(?:^-{0,2}|[^0-9A-Za-z_/.-])[a-z][a-z0-9_]{1,40}_[0-9A-Za-z]{48}/

const refuseKeys = (args: readonly string[]): void => {
  if (args.some((arg) => keyShaped.test(arg))) {
    throw usageError('an argument looks like a key; a key is never given as an argument: give its name or id')
  }
}

const wantsJson = (args: readonly string[]): boolean => {
  const end = args.indexOf('--')
  return args.slice(0, end < 0 ? args.length : end).includes('--json')
}

const quietCodes: Readonly<Record<string, number>> = {
  'commander.helpDisplayed': exitCodes.ok,
  'commander.version': exitCodes.ok,
  // A group without a command: its help is on standard error by now.
  'commander.help': exitCodes.usage,
}

const run = async (args: readonly string[]): Promise<number> => {
  let exitCode: number = exitCodes.ok
  try {
    refuseKeys(args)
    const program = createProgram((code) => {
      exitCode = code
    })
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof ReaderGone) return exitCodes.unexpected
    const quiet = error instanceof Error && 'code' in error ? quietCodes[String(error.code)] : undefined
    if (quiet !== undefined) return quiet
    const failure = describeFailure(error)
    const message = safeLine(failure.message)
    printWords(wantsJson(args) ? JSON.stringify({ error: { code: failure.code, message } }) : `portcullis: ${message}`)
    return failure.exitCode
  }
}

process.exitCode = await run(process.argv.slice(2))
