import type { AuditEvent } from './ports.ts'

/** Whom a refusal concerns, as far as that is known. */
export interface Who {
  readonly address?: string
  readonly principal?: string
}

interface Group extends Who {
  readonly reason: string
  count: number
}

/**
 * Refusals before authentication, added up by reason and address and written once a second, so that a flood of them
 * costs the audit log a bounded number of lines: `maxGroups` a second, everything beyond under one common entry.
 */
export interface RefusalTally {
  add(reason: string, who: Who): void
  flush(): Promise<void>
}

const maxGroups = 100

export const createRefusalTally = (
  record: (event: AuditEvent) => Promise<void>,
  onError: (error: unknown) => void,
): RefusalTally => {
  let groups = new Map<string, Group>()
  let timer: NodeJS.Timeout | undefined

  const flush = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const due = groups
    groups = new Map()
    try {
      await Promise.all([...due.values()].map((group) => record({ type: 'refused', ...group })))
    } catch (error) {
      onError(error)
    }
  }

  return {
    add(reason, who) {
      let key = JSON.stringify([reason, who.address, who.principal])
      let fresh: Group = { reason, ...who, count: 0 }
      if (groups.size >= maxGroups && !groups.has(key)) {
        key = 'others'
        fresh = { reason: key, count: 0 }
      }
      const group = groups.get(key) ?? fresh
      group.count++
      groups.set(key, group)
      timer ??= setTimeout(() => void flush(), 1000).unref()
    },
    flush,
  }
}
