// Calls the server as the gateway would, and as somebody who came another way.
import assert from 'node:assert/strict'
import { served } from './server.mjs'

const call = async (headers, name) => {
  const response = await fetch(served.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
  })
  const { result, error } = await response.json()
  return [response.status, result?.content[0].text ?? error.data.code]
}
const as = (user) => ({ 'X-Gateway-User': user })

try {
  assert.deepEqual(await call({}, 'whoami'), [401, 'PORTCULLIS_UNAUTHENTICATED'])
  for (const user of ['eve', 'ADA', 'ada, ben', 'ada,ada', '__proto__', 'constructor', '*']) {
    assert.deepEqual(await call(as(user), 'whoami'), [401, 'PORTCULLIS_UNAUTHENTICATED'], user)
  }
  // A key is of no use here: nobody issued any.
  assert.deepEqual(await call({ 'X-API-Key': 'ada' }, 'whoami'), [401, 'PORTCULLIS_UNAUTHENTICATED'])

  assert.deepEqual(await call(as('ada'), 'whoami'), [200, 'gateway:ada'])
  assert.deepEqual(await call(as('ada'), 'restart'), [200, 'Restarted.'])
  assert.deepEqual(await call(as('ben'), 'restart'), [403, 'PORTCULLIS_FORBIDDEN'])

  // All at once, with the same JSON-RPC id, on one server: everybody is who they are.
  const users = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 'ada' : 'ben'))
  const answers = await Promise.all(users.map((user) => call(as(user), 'whoami')))
  assert.deepEqual(
    answers,
    users.map((user) => [200, `gateway:${user}`]),
  )
  console.log('without the header 401, with it 200; 100 calls at once, each as its own caller')
} finally {
  await served.close()
}
