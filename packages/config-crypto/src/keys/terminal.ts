import { openSync, writeSync } from 'node:fs'
import type { ReadStream } from 'node:tty'
import { reasonOf } from '@portcullis-internal/files'
import { ConfigError } from '../errors.ts'
import { type Steps, step } from '../steps.ts'
import type { TextHolder, Wanted } from './holder.ts'

const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const cancelled = (): ConfigError => new ConfigError('ERR_CONFIG_KEY_SOURCE', 'no passphrase was typed')

/** One line typed on the terminal of the process, whatever its standard input is; not shown. */
const ask = (label: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let fd: number
    let terminal: ReadStream
    try {
      fd = openSync('/dev/tty', 'r+')
      terminal = new (process.getBuiltinModule('node:tty').ReadStream)(fd)
    } catch (cause) {
      const message = `a passphrase is asked for on a terminal, and there is none: ${reasonOf(cause)}`
      reject(new ConfigError('ERR_CONFIG_KEY_SOURCE', message, { cause }))
      return
    }
    let typed: string[] = []
    const finish = (settle: () => void): void => {
      terminal.setRawMode(false)
      writeSync(fd, '\n')
      terminal.destroy()
      settle()
    }
    terminal.setEncoding('utf8')
    terminal.setRawMode(true)
    writeSync(fd, label)
    terminal.on('end', () => finish(() => reject(cancelled())))
    terminal.on('data', (chunk: string) => {
      // Arrow and function keys.
      if (chunk.startsWith('\u001b')) return
      for (const character of chunk) {
        if (character === '\u0003' || character === '\u0004') return finish(() => reject(cancelled()))
        if (character === '\r' || character === '\n') return finish(() => resolve(typed.join('')))
        if (character === '\u007f' || character === '\b') typed.pop()
        else if (character === '\u0015') typed = []
        else typed.push(character)
      }
    })
  })

const labelOf = ({ path, kids }: Wanted): string =>
  `Passphrase of ${JSON.stringify(path).replace(unprintable, '?')}${kids.length > 0 ? ` (${kids.join(', ')})` : ', a new one'}: `

export const terminalText = (): TextHolder => ({
  kind: 'text',
  place: 'the terminal',
  quiet: false,
  read: (wanted): Steps<string | undefined> =>
    step<string | undefined>({ async: async () => (await ask(labelOf(wanted))) || undefined }),
})
