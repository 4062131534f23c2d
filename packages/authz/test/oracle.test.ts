import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compileGrants } from '../src/index.ts'
import { asked } from './generate.ts'
import { expectedOf } from './oracle.ts'

const LONG = process.env['PORTCULLIS_LONG'] === '1'
const ACTIONS_A_LIST = 10

it('decides as the slow matcher does, for lists and actions that nearly meet', () => {
  const counts = { granted: 0, no_grant: 0, denied: 0, invalid_name: 0 }
  const lines = { made: 0, dropped: 0 }
  fc.assert(
    fc.property(asked, ({ grants, actions, dropped }) => {
      lines.made += grants.length
      lines.dropped += dropped
      const compiled = compileGrants(grants)
      for (const action of actions) {
        const { reason, allowed } = compiled.decide(action)
        counts[reason]++
        expect([reason, JSON.stringify(action)]).toEqual([expectedOf(grants, action), JSON.stringify(action)])
        expect(allowed).toBe(reason === 'granted')
      }
    }),
    { numRuns: (LONG ? 1_000_000 : 20_000) / ACTIONS_A_LIST },
  )
  const pairs = Object.values(counts).reduce((sum, count) => sum + count, 0)
  console.info(`${pairs} pairs: ${JSON.stringify(counts)}; lines: ${JSON.stringify(lines)}`)
  expect(pairs).toBeGreaterThanOrEqual(LONG ? 1_000_000 : 20_000)
  expect(counts.granted / pairs).toBeGreaterThan(0.1)
  expect((pairs - counts.granted) / pairs).toBeGreaterThan(0.1)
  expect(counts.denied / pairs).toBeGreaterThan(0.05)
  expect(lines.dropped / (lines.made + lines.dropped)).toBeLessThan(0.4)
}, 600_000)

it('a deny covers all that the same line without ! allows', () => {
  let allowed = 0
  fc.assert(
    fc.property(asked, ({ grants, actions }) => {
      for (const line of grants.filter((grant) => !grant.startsWith('!'))) {
        const open = compileGrants([line])
        const denied = compileGrants([line, `!${line}`, '*', 'admin:*'])
        for (const action of open.filter(actions)) {
          allowed++
          expect([line, action.name, denied.decide(action).reason]).toEqual([line, action.name, 'denied'])
        }
      }
    }),
    { numRuns: LONG ? 50_000 : 2000 },
  )
  expect(allowed).toBeGreaterThan(LONG ? 50_000 : 2000)
}, 600_000)
