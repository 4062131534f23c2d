// Runs the two programs as a person would, with both servers, and checks what happens. It fails if anything is let through.
import { verifyAuditLog } from '@portcullis/audit'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))

/** The client's output, line by line, and its exit code. */
const runClient = (env) =>
  new Promise((resolve) => {
    execFile(process.execPath, [file('client.mjs')], { env }, (error, output) => {
      resolve({ code: error?.code ?? 0, lines: output.trim().split('\n') })
    })
  })

const scratch = mkdtempSync(join(tmpdir(), 'secure-an-sdk-server-'))
try {
  for (const generation of ['v1', 'v2']) {
    const cwd = mkdtempSync(join(scratch, generation))
    const server = spawn(process.execPath, [file('server.mjs'), generation], {
      cwd,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const [line] = await once(server.stdout, 'data')
      const { MCP_URL, MCP_API_KEY } = /^MCP_URL=(?<MCP_URL>\S+) MCP_API_KEY=(?<MCP_API_KEY>\S+)\n$/.exec(line).groups

      const { code, lines } = await runClient({ MCP_URL, MCP_API_KEY })
      assert.equal(code, 0)
      assert.match(lines.pop(), /^mail_note three is refused: Rate limit exceeded\. Try again in \d\d s\.$/)
      assert.deepEqual(lines, [
        'tools: get_note, mail_note',
        'get_note today is answered: Water the plants.',
        'delete_note today is refused: Not allowed: this credential has no right to do that.',
        'get_note ../../etc/passwd is refused: Refused by validation: pattern.path_traversal at /title.',
        'mail_note one is answered: Mailed one.',
        'mail_note two is answered: Mailed two.',
      ])
      for (const env of [{ MCP_URL }, { MCP_URL, MCP_API_KEY: `${MCP_API_KEY.slice(0, -1)}!` }]) {
        const refused = await runClient(env)
        assert.equal(refused.code, 1)
        assert.equal(refused.lines.length, 1)
        assert.match(refused.lines[0], /^not let in: .*PORTCULLIS_UNAUTHENTICATED/)
      }

      server.kill('SIGTERM')
      assert.deepEqual(await once(server, 'exit'), [0, null])
      const audit = join(cwd, 'audit', 'audit.jsonl')
      assert.equal((await verifyAuditLog({ file: audit })).status, 'ok')
      const text = readFileSync(audit, 'utf8')
      const records = text
        .trim()
        .split('\n')
        .map((record) => JSON.parse(record))
      const calls = records.filter(({ type, name }) => type === 'decision' && name !== undefined)
      assert.deepEqual(
        calls.map(({ name, allowed, reason }) => [name, allowed, reason]),
        [
          ['get_note', true, undefined],
          ['delete_note', false, 'no_grant'],
          ['get_note', false, 'findings'],
          ['mail_note', true, undefined],
          ['mail_note', true, undefined],
          ['mail_note', false, 'limit:policy.rules[0]'],
        ],
      )
      assert.ok(records.some(({ type, reason }) => type === 'refused' && reason === 'no_credential'))
      for (const secret of [MCP_API_KEY, 'etc/passwd', 'plants']) assert.ok(!text.includes(secret))
      console.log(`${generation}: let in with a key, refused without; ${calls.length} calls decided and audited`)
    } finally {
      server.kill('SIGKILL')
    }
  }
} finally {
  rmSync(scratch, { recursive: true })
}
