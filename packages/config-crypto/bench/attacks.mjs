// The same tampering tried on files of this package, of dotenvx and of sops (read by sops-age), in one run: what is refused, and what is read as if nothing had been.
// Flags: --peers DIR (keep what was installed).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createConfig, keys, openConfigSync } from '../dist/index.js'
import { writeDotenvx, writeSops } from './fixtures.mjs'
import { installPeers } from './peers.mjs'

const { values: flags } = parseArgs({ options: { peers: { type: 'string' } } })
const scratch = mkdtempSync(join(tmpdir(), 'portcullis-config-attacks-'))
const secrets = {
  PAYMENTS_URL: 'https://pay.example/v1',
  ATTACKER_NOTE: 'https://evil.example/v1',
  ADMIN_PASSWORD: 'correct horse battery',
  TIMEOUT: 'thirty seconds',
}

/** How a file of each tool is taken apart into lines by name, so that an attack on lines is the same attack on all. */
const lineOf = (text, name) =>
  text.split('\n').find((line) => line.includes(`${name}"`) || line.startsWith(`${name}=`)) ?? ''
const valueOf = (line) => /enc:v1:[^"]+|ENC\[[^"]+\]|encrypted:[^"]+/.exec(line)?.[0] ?? ''
const swap = (text, a, b) => text.replace(a, '\u0000').replace(b, a).replace('\u0000', b)
const sealed = (text, name) => valueOf(lineOf(text, name))

const flipped = (value) => {
  const at = value.length - 12
  return value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1)
}

const attacks = {
  'two values exchanged': (text) => swap(text, sealed(text, 'PAYMENTS_URL'), sealed(text, 'ATTACKER_NOTE')),
  'a value removed': (text) => text.replace(`${lineOf(text, 'ADMIN_PASSWORD')}\n`, ''),
  'a plain value in its place': (text) => text.replace(sealed(text, 'PAYMENTS_URL'), 'https://evil.example/v1'),
  'a plain value added': (text, { added }) => text.replace(lineOf(text, 'TIMEOUT'), (line) => `${added}\n${line}`),
  'a bit of a ciphertext changed': (text) => text.replace(sealed(text, 'TIMEOUT'), flipped),
  'an older value of the same name put back': (text, { older }) =>
    text.replace(sealed(text, 'PAYMENTS_URL'), sealed(older, 'PAYMENTS_URL')),
  'the authentication code changed': (text, { mac }) =>
    mac ? text.replace(mac, (code) => code.replace(/.{4}$/, 'AAAA')) : undefined,
  'the end cut off': (text, { cut }) => (cut ? text.slice(0, text.indexOf(lineOf(text, 'TIMEOUT'))) : undefined),
  'another key': (_, { otherKey }) => otherKey?.(),
}

const contentOf = (values) => JSON.stringify(Object.entries(values).toSorted())

const ours = async () => {
  const path = join(scratch, 'ours.json')
  const source = keys.file(join(scratch, 'ours.key'))
  const config = await createConfig(path, { keys: [source] })
  for (const [name, value] of Object.entries({ ...secrets, PAYMENTS_URL: 'https://old.example' }))
    await config.set(name, value)
  const older = readFileSync(path, 'utf8')
  await config.set('PAYMENTS_URL', secrets.PAYMENTS_URL)
  const text = readFileSync(path, 'utf8')
  const read = (keySources) => {
    const opened = openConfigSync(path, { keys: keySources })
    return Object.fromEntries(opened.names().map(({ name }) => [name, opened.get(name)]))
  }
  return {
    path,
    text,
    older,
    added: '    "EXTRA": "https://evil.example",',
    mac: /"mac": "[^"]+/.exec(text)?.[0],
    cut: true,
    read: () => read([source]),
    otherKey: () => ({ read: () => read([keys.raw(new Uint8Array(32))]) }),
  }
}

const dotenvx = (peers) => {
  const write = (folder, values) => writeDotenvx(join(scratch, folder), values, peers)
  const { path, cwd } = write('now', secrets)
  const text = readFileSync(path, 'utf8')
  // The same key pair, another value: what stood there before.
  const set = (value) => spawnSync(process.execPath, [peers.dotenvx, 'set', 'PAYMENTS_URL', value, '-f', path], { cwd })
  set('https://old.example')
  const older = readFileSync(path, 'utf8')
  writeFileSync(path, text)
  const child = `process.stdout.write(JSON.stringify(Object.fromEntries(${JSON.stringify([...Object.keys(secrets), 'EXTRA'])}.filter((name) => name in process.env).map((name) => [name, process.env[name]]))))`
  const read = (env = {}) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [peers.dotenvx, 'run', '--quiet', '-f', path, '--', process.execPath, '-e', child],
      {
        cwd,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, ...env },
      },
    )
    if (status !== 0) throw new Error('refused')
    return JSON.parse(stdout)
  }
  return {
    path,
    text,
    older,
    added: 'EXTRA="https://evil.example"',
    cut: true,
    read,
    otherKey: () => ({ read: () => read({ DOTENV_PRIVATE_KEY: '1'.repeat(64) }), keysAway: join(cwd, '.env.keys') }),
  }
}

const sops = async (peers) => {
  const { decryptSops } = await import(peers.sopsAge)
  const { path, identity } = await writeSops(scratch, secrets, peers)
  const text = readFileSync(path, 'utf8')
  const read = async (secretKey = identity) => decryptSops({ path, secretKey })
  return {
    path,
    text,
    older: text,
    added: '  "EXTRA": "https://evil.example",',
    mac: /"mac": "[^"]+type:str/.exec(text)?.[0],
    read,
    otherKey: async () => {
      const { generateIdentity } = await import(peers.age)
      const other = await generateIdentity()
      return { read: () => read(other) }
    },
  }
}

const outcomeOf = async (tool, attack) => {
  const changed = await attack(tool.text, tool)
  if (changed === undefined || changed === tool.text) return '-'
  const { read } = typeof changed === 'object' ? changed : tool
  if (typeof changed === 'string') writeFileSync(tool.path, changed)
  const away = typeof changed === 'object' && changed.keysAway
  const kept = away && readFileSync(away)
  if (away) rmSync(away)
  try {
    const values = contentOf(await read())
    if (values === contentOf(secrets)) return '**not noticed**'
    return values.includes('encrypted:') ? '**child started with ciphertext**' : '**accepted**'
  } catch {
    return 'refused'
  } finally {
    if (away) writeFileSync(away, kept)
    writeFileSync(tool.path, tool.text)
  }
}

const tools = { '@portcullis/config-crypto': await ours() }
const peers = installPeers(flags.peers ?? join(scratch, 'peers'))
if (peers) {
  tools[`dotenvx ${peers.versions['@dotenvx/dotenvx']} run`] = dotenvx(peers)
  tools[`sops-age ${peers.versions['sops-age']}`] = await sops(peers)
} else console.log('The peers cannot be installed: this package alone is attacked.\n')

for (const [name, tool] of Object.entries(tools)) {
  if (contentOf(await tool.read()) !== contentOf(secrets)) throw new Error(`${name} does not read its own file`)
}
const names = Object.keys(tools)
console.log(`| attack | ${names.join(' | ')} |\n| --- |${names.map(() => ' --- |').join('')}`)
for (const [name, attack] of Object.entries(attacks)) {
  const outcomes = []
  for (const tool of Object.values(tools)) outcomes.push(await outcomeOf(tool, attack))
  console.log(`| ${name} | ${outcomes.join(' | ')} |`)
}
rmSync(scratch, { recursive: true, force: true })
