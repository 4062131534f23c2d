import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { call, eventually, post } from './support.ts'

interface Target {
  readonly url: string
  readonly headers: Record<string, string>
}

type Outcome = { check: string; status: string; errorMessage?: string }

/** What a new process of the fixture says about itself. */
const fixture = async (script: string, ...args: string[]): Promise<Target & { child: ChildProcess }> => {
  const child = fork(fileURLToPath(new URL(`../conformance/${script}`, import.meta.url)), args)
  const [said] = (await once(child, 'message')) as [{ url: string; headers?: Record<string, string> }]
  return { url: said.url, headers: said.headers ?? {}, child }
}

const stop = async (child: ChildProcess): Promise<void> => {
  const ended = once(child, 'exit')
  child.disconnect()
  await ended
}

const textOf = (result: any): string => result.content[0].text

describe.each([
  ['bare', 'bare.mjs'],
  ['behind the guard', 'guarded.mjs'],
])('the server that the conformance suites are run against, %s', (_, script) => {
  let target: Target & { child: ChildProcess }
  beforeAll(async () => {
    target = await fixture(script, 'key')
  })
  afterAll(() => stop(target.child))

  const older = async (capabilities: object = {}): Promise<ClientV1> => {
    const client = new ClientV1({ name: 'test', version: '1' }, { capabilities: capabilities as never })
    await client.connect(new HttpV1(new URL(target.url), { requestInit: { headers: target.headers } }) as never)
    onTestFinished(() => client.close())
    return client
  }
  const newer = async (): Promise<ClientV2> => {
    const client = new ClientV2(
      { name: 'test', version: '1' },
      {
        versionNegotiation: { mode: { pin: '2026-07-28' } },
        capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
      },
    )
    await client.connect(new HttpV2(new URL(target.url), { requestInit: { headers: target.headers } }) as never)
    onTestFinished(() => client.close())
    return client
  }

  it('says what it does while it does it, to a client of 2025-11-25', async () => {
    const client = await older()
    const logged: unknown[] = []
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void logged.push(params.data))
    await client.setLoggingLevel('debug')
    await client.callTool({ name: 'test_tool_with_logging', arguments: {} })
    expect(logged).toEqual(['Tool execution started', 'Tool processing data', 'Tool execution completed'])

    const progress: number[] = []
    await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, undefined, {
      onprogress: (report) => void progress.push(report.progress),
    })
    expect(progress).toEqual([0, 50, 100])
    expect(await client.callTool({ name: 'test_error_handling', arguments: {} })).toMatchObject({ isError: true })
  })

  it('asks a client of 2025-11-25 while it runs', async () => {
    const client = await older({ sampling: {}, elicitation: {} })
    client.setRequestHandler(CreateMessageRequestSchema, async () => ({
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'an answer' },
      model: 'none',
    }))
    const asked: any[] = []
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      asked.push(params)
      return { action: 'accept' as const, content: { username: 'alice', email: 'alice@example.com' } }
    })
    const sampled = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'Well?' } })
    expect(textOf(sampled)).toBe('LLM response: an answer')
    const told = await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } })
    expect(textOf(told)).toContain('action=accept, content={"username":"alice"')
    expect(asked[0].message).toBe('Who?')
  })

  it('tells a client of 2025-11-25 of the resource that it subscribed to', async () => {
    const client = await older()
    const updated: string[] = []
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updated.push(params.uri))
    await client.subscribeResource({ uri: 'test://watched-resource' })
    // The stream that it comes on is opened beside the handshake, at its own pace.
    await eventually(async () => {
      await client.callTool({ name: 'test_trigger_resource_update', arguments: {} })
      return updated.length > 0 ? true : undefined
    })
    expect(new Set(updated)).toEqual(new Set(['test://watched-resource']))
  })

  it('asks a client of 2026-07-28 by its answers, round after round', async () => {
    const client = await newer()
    const asked: string[] = []
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      asked.push(params.message)
      return {
        action: 'accept' as const,
        content: params.message.includes('color') ? { color: 'red' } : { name: 'Al' },
      }
    })
    client.setRequestHandler('sampling/createMessage', async () => ({
      role: 'assistant' as const,
      content: { type: 'text' as const, text: 'hello' },
      model: 'none',
    }))
    client.setRequestHandler('roots/list', async () => ({ roots: [{ uri: 'file:///a' }] }))
    const rounds = await client.callTool({ name: 'test_input_required_result_multi_round', arguments: {} })
    expect(textOf(rounds)).toBe('Al likes red.')
    expect(asked).toEqual(['Step 1: What is your name?', 'Step 2: What is your favorite color?'])
    const many = await client.callTool({ name: 'test_input_required_result_multiple_inputs', arguments: {} })
    expect(textOf(many)).toBe('elicit sampling roots')
  })

  it('has arguments that a client of 2026-07-28 repeats in headers', async () => {
    const client = await newer()
    await client.listTools()
    expect(textOf(await client.callTool({ name: 'test_custom_headers', arguments: { region: 'Zürich' } }))).toBe(
      'In Zürich.',
    )
  })

  it('tells a client of 2026-07-28 of the changes that it listens for, and of no others', async () => {
    const client = await newer()
    const heard: string[] = []
    client.setNotificationHandler('notifications/prompts/list_changed', () => void heard.push('prompts'))
    client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'))
    const subscription = await client.listen({ promptsListChanged: true })
    await client.callTool({ name: 'test_trigger_tool_change', arguments: {} })
    await client.callTool({ name: 'test_trigger_prompt_change', arguments: {} })
    await eventually(() => (heard.length > 0 ? true : undefined))
    expect(heard).not.toContain('tools')
    await subscription.close()
  })
})

describe('behind the guard', () => {
  it('the server is not reached without a credential', async () => {
    const { url, child } = await fixture('guarded.mjs', 'key')
    onTestFinished(() => stop(child))
    expect((await post(url, undefined, call('test_simple_text'))).status).toBe(401)
    expect((await post(url, 'pck_live_nonsense', call('test_simple_text'))).status).toBe(401)
  })
})

describe('the comparison of two runs', () => {
  const passed: Outcome = { check: 'C', status: 'SUCCESS' }
  const failed: Outcome = { check: 'C', status: 'FAILURE', errorMessage: 'because' }
  const warned: Outcome = { check: 'C', status: 'WARNING' }
  const told: Outcome = { check: 'C', status: 'INFO' }
  const compared = async (bare: Outcome[], guarded: Outcome[]) => {
    // @ts-expect-error a script, without types
    const { compare } = await import('../conformance/results.mjs')
    const of = (outcomes: Outcome[]) => new Map(outcomes.length === 0 ? [] : [['s: c', outcomes]])
    return compare(of(bare), of(guarded)) as { lost: string[]; unasked: string[] }
  }

  it.each<[string, Outcome[], Outcome[]]>([
    ['a failure', [passed], [failed]],
    ['a warning in place of a pass', [passed], [warned]],
    ['one failure of many', [passed, passed], [passed, failed]],
    ['a failure of what bare was not asked', [], [failed]],
  ])('counts as lost: %s', async (_, bare, guarded) => {
    const { lost, unasked } = await compared(bare, guarded)
    expect(lost).toEqual([expect.stringMatching(/^s: c \(C\): (because|no reason given)$/)])
    expect(unasked).toEqual([])
  })

  it.each<[string, Outcome[], Outcome[], number]>([
    ['passes both', [passed], [passed], 0],
    ['fails both', [failed], [failed], 0],
    ['fails bare alone', [failed], [passed], 0],
    ['is not asked', [passed], [], 1],
    ['is only spoken of', [passed], [told], 1],
  ])('loses nothing that %s', async (_, bare, guarded, silent) => {
    const { lost, unasked } = await compared(bare, guarded)
    expect(lost).toEqual([])
    expect(unasked).toHaveLength(silent)
  })
})
