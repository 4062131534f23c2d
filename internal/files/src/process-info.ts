import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { errnoOf } from './errors.ts'

/** Who holds a lock: enough to tell a dead holder from a live one, and a reused process id from the original. */
export interface Holder {
  pid: number
  /** When that process began, in the kernel's ticks; empty where the platform does not tell. */
  start: string
  /** Which process table `pid` belongs to: host, boot and pid namespace. */
  space: string
  token: string
}

/** A holder that cannot be looked up is believed to live this long after it last touched its lock. */
export const foreignStaleMs = 30_000

const tryRead = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ''
  }
}

const startOf = (pid: number): string =>
  tryRead(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Fields are counted behind the last ")": the second one is the program's name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'zombie' : (fields[19] ?? '')
  })

let own: Omit<Holder, 'token'> | undefined

/** This process, as a lock names it. */
export const thisProcess = (): Omit<Holder, 'token'> => {
  own ??= {
    pid: process.pid,
    start: startOf(process.pid),
    space: [
      hostname(),
      tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
      tryRead(() => readlinkSync('/proc/self/ns/pid')),
    ].join(' '),
  }
  return own
}

/** Whether the holder still runs; `ageMs` is the time since it last touched its lock. */
export const isAlive = (holder: Holder, ageMs: number): boolean => {
  const self = thisProcess()
  // Another container or machine on a shared volume: its process ids mean nothing here, only its heartbeat does.
  if (holder.space !== self.space) return ageMs < foreignStaleMs
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
  const start = startOf(holder.pid)
  return holder.start === '' || start === '' || start === holder.start
}
