import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { call, post, start, textOf } from './support.ts'

const echo = (message: string) => call('echo', { message })
const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
const inner = pem.split('\n')[1] as string
const startWith = async (validation: object) => {
  const server = await start({ files: { 'portcullis.json': { validation } } })
  const key = server.key()
  const say = async (message: string) => {
    const answer = await post(server.url, key, echo(message))
    return { ...answer, text: textOf(answer), refused: answer.body.result?.isError === true }
  }
  return { ...server, say }
}

it('a secret in a result is a marker, which nobody can write back', async () => {
  const { say } = await startWith({})
  const { text, refused } = await say(`the key:\n${pem}and so on`)
  expect([refused, text.includes(inner)]).toEqual([false, false])
  const [marker] = /\[redacted:[^\]]+\]/.exec(text) ?? ['']
  expect(text).toBe(`the key:\n${marker}\nand so on`)
  // What stands for a secret must not overwrite it.
  const back = await say(`password = ${marker}`)
  expect([back.refused, back.text]).toEqual([true, expect.stringContaining('/message')])
  expect((await say('[redacted:private-key:000000000000:000000000000000000000000]')).refused).toBe(false)
})

it('a tool whose purpose that is hands it out', async () => {
  const { say } = await startWith({ results: { returnsSecrets: ['echo'] } })
  expect((await say(pem)).text).toContain(inner)
})

it('what an argument means decides what is refused', async () => {
  const { say } = await startWith({
    tools: { echo: { '/message': { kind: 'url', hosts: ['example.com', '*.example.org'] } } },
  })
  const refused = async (text: string) => (await say(text)).refused
  for (const good of ['https://example.com/a', 'https://a.example.org/?q=1'])
    expect(await refused(good), good).toBe(false)
  for (const bad of [
    'http://169.254.169.254/',
    'https://example.com@10.0.0.1/',
    'file:///etc/passwd',
    'https://example.net/',
  ])
    expect(await refused(bad), bad).toBe(true)
})

it('free text is let through, whatever it is about; hidden text is not', async () => {
  const { say } = await startWith({})
  const about = "SELECT * FROM users WHERE id = '' OR 1=1 -- and <script>alert(1)</script> and ../../etc/passwd"
  expect((await say(about)).text).toBe(about)
  expect((await say('hello\u{e0068}\u{e0069}\u{e0064}\u{e0065}')).refused).toBe(true)
  expect((await say('می‌خواهم 👨‍👩‍👧 שלום')).refused).toBe(false)
})

it('a rule has a mode of its own, and a suppression ends', async () => {
  const sql = "x' UNION SELECT password FROM users--"
  const tools = { echo: { '/message': { kind: 'string' } } }
  const { say } = await startWith({ tools })
  expect((await say(sql)).refused).toBe(true)
  const relaxed = await startWith({ tools, modes: { kinds: { string: 'monitor' } } })
  expect((await relaxed.say(sql)).refused).toBe(false)
  const expires = new Date(Date.now() + 86_400_000).toISOString()
  const known = ['sql.*', 'pattern.*'].map((rule) => ({ rule, tool: 'echo', reason: 'a test', expires }))
  const suppressed = await startWith({ tools, suppressions: known })
  expect((await suppressed.say(sql)).refused).toBe(false)
})
