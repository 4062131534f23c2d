import type { ReadStream } from 'node:tty'
import { CliError, exitCodes, usageError } from './failure.ts'
import { printWords, safeLine } from './output.ts'

/** The part of a terminal that is used. */
export type Terminal = Pick<ReadStream, 'setRawMode' | 'setEncoding' | 'on' | 'off' | 'resume' | 'pause'>

/** Exit code 7. `outcome` is what did not happen. */
export const cancelled = (outcome: string): CliError =>
  new CliError('ERR_CLI_CANCELLED', exitCodes.cancelled, `cancelled, ${outcome}`)

/** One line typed or pasted on a terminal, never shown. */
export const askHidden = (terminal: Terminal): Promise<string> =>
  new Promise((resolve, reject) => {
    let typed: string[] = []
    const finish = (settle: () => void): void => {
      terminal.off('data', onData)
      terminal.off('end', onEnd)
      terminal.setRawMode(false)
      terminal.pause()
      settle()
    }
    const onEnd = (): void => finish(() => reject(cancelled('nothing was stored')))
    const onData = (chunk: string): void => {
      const characters = [...chunk]
      // Arrow and function keys.
      if (characters[0] === '\u001b') return
      for (const [index, character] of characters.entries()) {
        if (character === '\u0003' || (character === '\u0004' && typed.length === 0)) return onEnd()
        if (character === '\r' || character === '\n' || character === '\u0004') {
          const more = characters.slice(index + 1).some((other) => other !== '\n' && other !== '\r')
          const tooMany = () => reject(usageError('a value of several lines cannot be typed here: pipe it'))
          return finish(more ? tooMany : () => resolve(typed.join('')))
        }
        if (character === '\u007f' || character === '\b') typed.pop()
        else if (character === '\u0015') typed = []
        else if (character >= ' ' || character === '\t') typed.push(character)
      }
    }
    terminal.setEncoding('utf8')
    terminal.setRawMode(true)
    terminal.on('data', onData)
    terminal.on('end', onEnd)
    terminal.resume()
  })

const readPipe = async (maxBytes: number): Promise<string> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length > maxBytes) throw usageError(`the value is longer than ${maxBytes} bytes`)
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks))
    return text.replace(/\r?\n$/, '')
  } catch {
    throw usageError('the value is not UTF-8 text')
  }
}

/** A secret from standard input, less one line end; on a terminal it is asked for by `what` and not shown. Throws CliError `ERR_CLI_USAGE`, `ERR_CLI_CANCELLED`. */
export const readSecret = async (what: string, maxBytes: number): Promise<string> => {
  if (!process.stdin.isTTY) return readPipe(maxBytes)
  printWords(safeLine(`${what} (not shown), then Enter:`))
  return askHidden(process.stdin)
}

/** Whether the next line of a terminal is `yes`; the terminal shows what is typed. */
export const askYes = (terminal: Pick<Terminal, 'setEncoding' | 'on' | 'off' | 'resume' | 'pause'>): Promise<boolean> =>
  new Promise((resolve) => {
    let typed = ''
    const finish = (): void => {
      terminal.off('data', onData)
      terminal.off('end', finish)
      terminal.pause()
      resolve(/^yes\r?\n/.test(typed))
    }
    const onData = (chunk: string): void => {
      typed += chunk
      if (/\n/.test(typed) || typed.length > 1000) finish()
    }
    terminal.setEncoding('utf8')
    terminal.on('data', onData)
    terminal.on('end', finish)
    terminal.resume()
  })
