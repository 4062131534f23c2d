import { describe, expect, it } from 'vitest'
import { withDeadline } from '../src/deadline.ts'

const never = new Promise<never>(() => {})
const late = () => new Error('late')
const stall = (ms: number) => {
  for (const begun = performance.now(); performance.now() - begun < ms; );
}

describe('withDeadline', () => {
  it('passes on what comes in time', async () => {
    await expect(withDeadline(Promise.resolve(1), 50, late)).resolves.toBe(1)
    await expect(withDeadline(Promise.reject(new Error('x')), 50, late)).rejects.toThrow('x')
  })

  it('rejects what does not', async () => {
    await expect(withDeadline(never, 5, late)).rejects.toThrow('late')
  })

  it('takes an answer that is there when the process gets to look', async () => {
    const answer = new Promise((resolve) => setTimeout(() => setImmediate(resolve, 'in time'), 10))
    const outcome = withDeadline(answer, 5, late)
    stall(40)
    await expect(outcome).resolves.toBe('in time')
  })

  it('of a process that was busy before it could send leaves time to be answered', async () => {
    let send = (_value: string) => {}
    const answer = new Promise<string>((resolve) => (send = resolve))
    const outcome = withDeadline(answer, 60, late)
    // As a library does that collects what it writes, and then a server that takes a moment.
    setImmediate(() => setTimeout(() => send('in time'), 10))
    stall(120)
    await expect(outcome).resolves.toBe('in time')
  })

  it('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    const before = timers()
    await withDeadline(new Promise((resolve) => setTimeout(resolve, 30)), 40, late)
    await withDeadline(Promise.resolve(1), 1000, late)
    expect(timers()).toBe(before)
  })
})
