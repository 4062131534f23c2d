// Starts the app, asks more often than it allows, and holds every answer against README.md.
import { createRateLimiter } from '@portcullis/ratelimit'
import { limitRequests } from '@portcullis/ratelimit/http'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import express from 'express'
import { server } from './server.mjs'

if (!server.listening) await once(server, 'listening')
const ask = async (url, headers = {}) => {
  const response = await fetch(url, { headers })
  return { status: response.status, header: (name) => response.headers.get(name), text: await response.text() }
}
const url = `http://127.0.0.1:${server.address().port}/`

// Whoever asks many times at once gets no more than whoever asks in turn, and saying to be somebody else does not help.
const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(url, { 'X-Forwarded-For': `10.0.0.${i}` })))
const allowed = answers.filter(({ status }) => status === 200)
const refused = answers.filter(({ status }) => status === 429)
assert.deepEqual([allowed.length, refused.length], [5, 3])
const left = allowed.map((answer) => /^"per-address";r=(\d);t=\d+$/.exec(answer.header('ratelimit'))[1])
assert.deepEqual(left.sort(), ['0', '1', '2', '3', '4'])
for (const answer of allowed) assert.deepEqual([answer.text, answer.header('retry-after')], ['Hello!\n', null])

// The refusal that README.md shows. On a slow machine some of the ten seconds may be over.
const shown = /```http\n(.*?)```/s.exec(readFileSync(new URL('README.md', import.meta.url), 'utf8'))[1]
const [head, body] = shown.split('\n\n')
const inSeconds = (text) => text.replace(/(t=|in |^)([1-9]|10)\b/, '$1N')
for (const answer of refused) {
  assert.equal(inSeconds(answer.text), inSeconds(body.trim()))
  const [first, ...fields] = head.split('\n')
  assert.equal(first, `HTTP/1.1 ${answer.status} Too Many Requests`)
  assert.equal(fields.length, 4)
  for (const field of fields) {
    const [name, value] = field.split(/: (.*)/)
    assert.equal(inSeconds(answer.header(name)), inSeconds(value))
  }
}
server.close()

// The key is what you make it: here each user has a window (in earnest the one who logged in), on a clock that we move.
let now = 0
const limiter = createRateLimiter({
  limits: [{ name: 'per-user', algorithm: 'window', limit: 1, windowMs: 1000 }],
  clock: () => now,
})
const app = express()
app.get('/', limitRequests({ limiter, key: (request) => request.get('X-User') ?? 'nobody' }), (_, response) =>
  response.send('ok'),
)
const other = app.listen(0, '127.0.0.1')
await once(other, 'listening')
const as = async (user) => (await ask(`http://127.0.0.1:${other.address().port}/`, { 'X-User': user })).status
assert.deepEqual([await as('ada'), await as('ada'), await as('ben')], [200, 429, 200])
now = 1000
assert.equal(await as('ada'), 200)
other.close()
console.log('5 of 8 requests answered, 3 refused with Retry-After; each user has a window')
