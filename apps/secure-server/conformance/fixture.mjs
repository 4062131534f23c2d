import { createRequestStateCodec, McpServer } from '@modelcontextprotocol/server'
import { randomBytes } from 'node:crypto'
import { addContentTools, nothing, said } from './fixture/content.mjs'
import { addPrompts, addResources, watched } from './fixture/lists.mjs'
import { addAskingTools } from './fixture/questions.mjs'
import { addRoundsPrompt, addRoundsTools } from './fixture/rounds.mjs'
import { addSchemaTools } from './fixture/schemas.mjs'

/** What every program that serves it says about itself. */
const info = { name: 'portcullis-conformance-fixture', version: '1.0.0' }

/**
 * A server with all that the official conformance suites ask for, as often as it is made: `make(era)`, where `era` belongs into the
 * options of a server. A change is announced by every server that is connected and has a connection of its own to be announced on, and
 * to `listeners`.
 */
export const createFixture = () => {
  const servers = new Set()
  const listeners = new Set()
  const states = createRequestStateCodec({
    key: randomBytes(32),
    bind: ({ mcpReq, http }) => `${mcpReq.method} ${http?.authInfo?.clientId ?? ''}`,
  })

  const announce = async (change, uri) => {
    for (const listener of listeners) listener(change, uri)
    for (const server of servers) {
      if (change === 'tools') server.sendToolListChanged()
      else if (change === 'prompts') server.sendPromptListChanged()
      else await server.server.sendResourceUpdated({ uri }).catch(() => {})
    }
  }

  const make = (era = {}, announces = true) => {
    const server = new McpServer(info, {
      ...era,
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: states.verify },
    })
    const tool = (name, inputSchema, run) => {
      const words = { description: name.replaceAll('_', ' ') }
      server.registerTool(name, inputSchema === undefined ? words : { ...words, inputSchema }, run)
    }
    const prompt = (name, argsSchema, run) => {
      const words = { description: name.replaceAll('_', ' ') }
      server.registerPrompt(name, argsSchema === undefined ? words : { ...words, argsSchema }, run)
    }

    addContentTools(tool)
    addAskingTools(tool)
    addRoundsTools(tool, states)
    addSchemaTools(tool)
    const trigger = (name, change, uri) =>
      tool(name, nothing, async () => {
        await announce(change, uri)
        return said('Announced.')
      })
    trigger('test_trigger_tool_change', 'tools')
    trigger('test_trigger_prompt_change', 'prompts')
    trigger('test_trigger_resource_update', 'resource', watched)
    addPrompts(prompt)
    addRoundsPrompt(prompt)
    addResources(server)
    server.server.setRequestHandler('resources/subscribe', async () => ({}))
    server.server.setRequestHandler('resources/unsubscribe', async () => ({}))

    if (announces) {
      servers.add(server)
      server.server.onclose = () => servers.delete(server)
    }
    return server
  }

  return { make, listeners }
}
