// The fixture on the SDK alone: sessions for the older revisions, one server a request for 2026-07-28, streams that can be taken up again.
import {
  localhostHostValidation,
  localhostOriginValidation,
  NodeStreamableHTTPServerTransport,
  toNodeHandler,
  toWebRequest,
} from '@modelcontextprotocol/node'
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server'
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { createFixture } from './fixture.mjs'

const fixture = createFixture()
const modern = createMcpHandler(() => fixture.make({}, false), { legacy: 'reject' })
fixture.listeners.add((change, uri) => {
  if (change === 'tools') modern.notify.toolsChanged()
  else if (change === 'prompts') modern.notify.promptsChanged()
  else modern.notify.resourceUpdated(uri)
})
const serveModern = toNodeHandler(modern)

/** The transport of each session. */
const sessions = new Map()

/** What was sent on each stream, in order, until the session ends. */
const createEventStore = () => {
  const events = []
  return {
    async storeEvent(stream, message) {
      return String(events.push({ stream, message }))
    },
    getStreamIdForEventId: async (id) => events[Number(id) - 1]?.stream,
    async replayEventsAfter(last, { send }) {
      const stream = events[Number(last) - 1]?.stream
      for (const [index, event] of events.entries()) {
        const isMessage = event.message !== undefined && Object.keys(event.message).length > 0
        if (index >= Number(last) && event.stream === stream && isMessage) await send(String(index + 1), event.message)
      }
      return stream
    },
  }
}

const startSession = async () => {
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: createEventStore(),
    retryInterval: 200,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id),
  })
  await fixture.make().connect(transport)
  return transport
}

const serve = async (request, response) => {
  const raw = request.method === 'POST' ? await buffer(request) : undefined
  let body
  try {
    body = raw === undefined ? undefined : JSON.parse(raw.toString())
  } catch {
    return void response.writeHead(400).end()
  }
  if (!(await isLegacyRequest(await toWebRequest(request, body), body))) return serveModern(request, response, body)
  const id = request.headers['mcp-session-id']
  const transport = id === undefined ? await startSession() : sessions.get(id)
  if (transport === undefined) return void response.writeHead(404).end()
  await transport.handleRequest(request, response, body)
}

const [allowsHost, allowsOrigin] = [localhostHostValidation(), localhostOriginValidation()]
const server = createServer((request, response) => {
  if (!allowsHost(request, response) || !allowsOrigin(request, response)) return
  serve(request, response).catch((error) => {
    console.error(error)
    response.destroy()
  })
})
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}/mcp` }))
process.on('disconnect', () => process.exit())
