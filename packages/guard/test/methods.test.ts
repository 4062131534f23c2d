import * as core from '@modelcontextprotocol/core'
import * as v1 from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, it } from 'vitest'
import { methodIn, notificationMethods, requestMethods } from '../src/methods.ts'

interface Union {
  readonly options: readonly { readonly shape: { readonly method: unknown } }[]
}

const methodsOf = (union: unknown): string[] =>
  (union as Union).options.map(({ shape }) => {
    const literal = shape.method as { value?: unknown }
    if (typeof literal.value !== 'string') throw new Error('the SDK no longer says its methods as literals')
    return literal.value
  })

/** What the official schemas let a client send. A method that a new SDK brings fails here until somebody decides on it. */
const requests = new Set([...methodsOf(v1.ClientRequestSchema), ...methodsOf(core.ClientRequestSchema)])
const notifications = new Set([...methodsOf(v1.ClientNotificationSchema), ...methodsOf(core.ClientNotificationSchema)])

describe('the tables of methods', () => {
  it('hold every method of the official schemas and nothing else', () => {
    expect(new Set(Object.keys(requestMethods))).toEqual(requests)
    expect(new Set(Object.keys(notificationMethods))).toEqual(notifications)
  })

  it('know no method that objects have by nature', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(methodIn(requestMethods, name, '2025-11-25')).toBeUndefined()
    }
  })

  it.each([
    ['initialize', '2025-03-26', true],
    ['initialize', '2026-07-28', false],
    ['server/discover', '2025-11-25', false],
    ['server/discover', '2026-07-28', true],
    ['tasks/get', '2025-06-18', false],
    ['tasks/get', '2025-11-25', true],
    ['tools/call', '2026-07-28', true],
  ] as const)('%s in %s: %s', (method, revision, defined) => {
    expect(methodIn(requestMethods, method, revision) !== undefined).toBe(defined)
  })
})
