// portcullis-server with everything on: API key, grants, limits, validation, an audit log on disk. Only the limit is raised.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const dir = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
const limit = { requests: 1_000_000_000, windowMs: 60_000 }
writeFileSync(
  join(dir, 'portcullis.json'),
  JSON.stringify({ operations: false, rateLimit: { api_key: limit }, log: { level: 'error' } }),
  { mode: 0o600 },
)
const child = spawn(
  process.execPath,
  [fileURLToPath(new URL('../../dist/main.js', import.meta.url)), '--dir', dir, '--port', '0'],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
)
child.stdout.on('data', (chunk) => {
  const url = /http:\S+\/mcp/.exec(chunk.toString())?.[0]
  if (url === undefined) return
  const [name, key] = readFileSync(join(dir, 'first-key.header'), 'utf8').trim().split(': ')
  process.send({ url, headers: { [name.toLowerCase()]: key, session: process.argv[2] === 'session' }, pid: child.pid })
})
process.on('disconnect', () => {
  child.kill('SIGTERM')
  child.once('exit', () => rmSync(dir, { recursive: true, force: true }))
})
