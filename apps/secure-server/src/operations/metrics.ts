import { type AuditEvent, type AuditSink, type GuardLog, requestMethods } from '@portcullis/guard'

/** What has happened, as Prometheus reads it (text format 0.0.4). It is fed with what goes to the audit log. */
export interface Metrics {
  /** The sink, counting what goes through it. */
  observed(sink: AuditSink | undefined): AuditSink
  /** The log, counting what it says of stores and authorization servers. */
  heard(log: GuardLog): GuardLog
  /** The whole page. */
  render(): string
}

const counters = {
  portcullis_decisions_total: 'Requests decided on, by method, outcome and kind of reason.',
  portcullis_refused_total: 'Refusals that are added up: before authentication, of foreign ids, repeated ones.',
  portcullis_outcomes_total: 'Requests that ran, by how they ended.',
  portcullis_store_events_total: 'A store or authorization server was lost, or came back.',
  portcullis_audit_failures_total: 'Audit records that could not be written.',
} as const

/** Events of what a running server depends on: `ratelimit.degraded`, `keys.recovered`, `oauth2.jwks.failed`, `upstream.lost`. */
const ofStores = /^(?:ratelimit|keys|oauth2|upstream)\./

const bucketsSec = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const duration = 'portcullis_request_duration_seconds'
const maxSeries = 1000

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`))

/** `limit:api_key`, `no_grant`, `denied:policy.rules[3]`: of a reason only its kind, since there may be many of each. */
const kindOf = (reason: unknown): string => {
  const [kind] = String(reason ?? 'none').split(':', 1) as [string]
  return /^[a-zA-Z0-9_.-]{1,48}$/.test(kind) ? kind : 'other'
}

export const createMetrics = (version: string): Metrics => {
  const series = new Map<string, number>()
  const buckets = bucketsSec.map(() => 0)
  let [sum, samples] = [0, 0]

  /** Counts under a name with its labels, as Prometheus writes them. */
  const add = (key: string, amount = 1): void => {
    const count = series.get(key)
    // A label that turns out to be anybody's choice must not fill the memory.
    if (count !== undefined || series.size < maxSeries) series.set(key, (count ?? 0) + amount)
  }

  const observe = (event: AuditEvent): void => {
    if (event.type === 'decision') {
      const method =
        typeof event['method'] === 'string' && event['method'] in requestMethods ? event['method'] : 'other'
      const outcome = event['allowed'] === true ? 'allowed' : 'refused'
      const reason = outcome === 'allowed' ? 'none' : kindOf(event['reason'])
      add(`portcullis_decisions_total{method="${method}",outcome="${outcome}",reason="${reason}"}`)
    } else if (event.type === 'refused') {
      add(`portcullis_refused_total{reason="${kindOf(event['reason'])}"}`, Number(event['count'] ?? 1))
    } else if (event.type === 'outcome') {
      add(`portcullis_outcomes_total{ok="${event['ok'] === true}"}`)
      const { durationMs } = event
      if (typeof durationMs !== 'number') return
      const seconds = durationMs / 1000
      bucketsSec.forEach((limit, index) => {
        if (seconds <= limit) buckets[index] = (buckets[index] as number) + 1
      })
      sum += seconds
      samples++
    }
  }

  const gauge = (name: string, help: string, value: number): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    `${name} ${value}`,
  ]

  return {
    observed: (sink) => ({
      async record(event) {
        observe(event)
        try {
          await sink?.record(event)
        } catch (error) {
          add('portcullis_audit_failures_total')
          throw error
        }
      },
    }),
    heard: (log) => (level, event, fields) => {
      if (ofStores.test(event)) add(`portcullis_store_events_total{event="${escaped(event.slice(0, 64))}"}`)
      log(level, event, fields)
    },
    render() {
      const lines: string[] = []
      for (const [name, help] of Object.entries(counters)) {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`)
        for (const [key, value] of series) {
          if (key === name || key.startsWith(`${name}{`)) lines.push(`${key} ${value}`)
        }
      }
      lines.push(
        `# HELP ${duration} From the beginning of the decision to the end of the answer.`,
        `# TYPE ${duration} histogram`,
      )
      bucketsSec.forEach((limit, index) => lines.push(`${duration}_bucket{le="${limit}"} ${buckets[index]}`))
      lines.push(`${duration}_bucket{le="+Inf"} ${samples}`, `${duration}_sum ${sum}`, `${duration}_count ${samples}`)
      const { rss, heapUsed } = process.memoryUsage()
      lines.push(
        ...gauge('process_resident_memory_bytes', 'Memory of the process.', rss),
        ...gauge('nodejs_heap_size_used_bytes', 'Memory in use by JavaScript.', heapUsed),
        ...gauge('process_start_time_seconds', 'Since when it runs.', Math.round(Date.now() / 1000 - process.uptime())),
        '# HELP portcullis_build_info The version.',
        '# TYPE portcullis_build_info gauge',
        `portcullis_build_info{version="${escaped(version)}"} 1`,
      )
      return `${lines.join('\n')}\n`
    },
  }
}
