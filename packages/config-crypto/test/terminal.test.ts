import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createConfig, keys, openConfig, openConfigSync } from '../src/index.ts'
import { failsWith, failureOf, freshFolder, put } from './scratch.ts'

const passphrase = 'correct horse bättery'
const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0
if (!hasPython) console.warn('\n\n*** NO PYTHON: a passphrase typed on a terminal is not tested. ***\n\n')

const made = async (): Promise<string> => {
  const folder = freshFolder()
  const path = join(folder, 'c.json')
  const words = keys.passphrase(keys.file(put(join(folder, 'p'), passphrase)), { cost: 14 })
  await (await createConfig(path, { keys: [words] })).set('a', 'opened')
  return path
}

const onTerminal = (path: string, typed: string): string => {
  const code = `import { keys, openConfig } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
const open = openConfig(${JSON.stringify(path)}, { keys: [keys.parse('passphrase:terminal', { dir: '/' })] })
await open.then((config) => console.log('value', config.get('a')), (error) => console.log(error.code))`
  const program = [process.execPath, '--input-type=module', '-e', code]
  const driver = join(import.meta.dirname, 'python/terminal.py')
  return spawnSync('python3', [driver, 'Passphrase of', typed, ...program], { encoding: 'utf8' }).stdout
}

test.runIf(hasPython)(
  'a passphrase is asked for on the terminal by file and kid, and is not shown',
  { timeout: 60_000 },
  async () => {
    const path = await made()
    for (const [typed, said] of [
      [`${passphrase}\r`, 'value opened'],
      [`wrong\u0015${passphrase}x\u007f\r`, 'value opened'],
      ['something else\r', 'ERR_CONFIG_NO_KEY'],
      ['\r', 'ERR_CONFIG_NO_KEY'],
      ['half\u0003', 'ERR_CONFIG_KEY_SOURCE'],
    ] as const) {
      const shown = onTerminal(path, typed)
      expect(shown, JSON.stringify(typed)).toContain(said)
      expect(shown).toMatch(/Passphrase of "[^"]*c\.json" \([0-9a-f]{32}\): /)
      expect(shown).not.toContain('horse')
      expect(shown).not.toContain('half')
    }
  },
)

test('at once, there is no asking on a terminal', async () => {
  const path = await made()
  const terminal = keys.passphrase('terminal')
  expect(() => openConfigSync(path, { keys: [terminal] })).toThrow(failsWith('ERR_CONFIG_OPTIONS'))
  if (process.stdin.isTTY !== true && spawnSync('sh', ['-c', ': < /dev/tty'], { stdio: 'ignore' }).status !== 0) {
    expect(await failureOf(() => openConfig(path, { keys: [terminal] }))).toEqual(failsWith('ERR_CONFIG_KEY_SOURCE'))
  }
})
