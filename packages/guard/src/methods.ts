/** Every method and notification that an MCP client may send, and how each is decided. What is not here is refused. */

export type Decided =
  /** any authenticated principal */
  | 'any'
  /** any authenticated principal; the answer is filtered by what `decide` would allow */
  | 'list'
  | 'tool'
  | 'resource'
  | 'prompt'
  /** the prompt or resource template that it names */
  | 'completion'
  /** every resource that it names, each by itself */
  | 'listen'
  /** `server:logging` */
  | 'logging'
  /** the principal that created the task */
  | 'task'
  /** the (principal, session) that owns the id */
  | 'owner'

export interface Method {
  readonly decided: Decided
  /** Whether it counts against the principal's rate limit. */
  readonly counted: boolean
  /** The first revision that defines it. */
  readonly since: Revision
  /** The first revision that does not define it any more. */
  readonly until?: Revision
  /** For `list`: the member of the result that holds the items. */
  readonly items?: 'tools' | 'prompts' | 'resources' | 'resourceTemplates' | 'tasks'
}

export type Revision = '2025-03-26' | '2025-06-18' | '2025-11-25' | '2026-07-28'

const first: Revision = '2025-03-26'
/** From here on there are no sessions: every request says by itself which revision it speaks. */
const stateless: Revision = '2026-07-28'

export const isStateless = (revision: Revision): boolean => revision >= stateless

export const requestMethods: Readonly<Record<string, Method>> = Object.assign(Object.create(null) as object, {
  initialize: { decided: 'any', counted: true, since: first, until: stateless },
  'server/discover': { decided: 'any', counted: true, since: stateless },
  ping: { decided: 'any', counted: false, since: first, until: stateless },
  'tools/list': { decided: 'list', counted: true, since: first, items: 'tools' },
  'tools/call': { decided: 'tool', counted: true, since: first },
  'prompts/list': { decided: 'list', counted: true, since: first, items: 'prompts' },
  'prompts/get': { decided: 'prompt', counted: true, since: first },
  'resources/list': { decided: 'list', counted: true, since: first, items: 'resources' },
  'resources/templates/list': { decided: 'list', counted: true, since: first, items: 'resourceTemplates' },
  'resources/read': { decided: 'resource', counted: true, since: first },
  'resources/subscribe': { decided: 'resource', counted: true, since: first, until: stateless },
  'resources/unsubscribe': { decided: 'resource', counted: true, since: first, until: stateless },
  'subscriptions/listen': { decided: 'listen', counted: true, since: stateless },
  'completion/complete': { decided: 'completion', counted: true, since: first },
  'logging/setLevel': { decided: 'logging', counted: true, since: first, until: stateless },
  'tasks/get': { decided: 'task', counted: true, since: '2025-11-25', until: stateless },
  'tasks/result': { decided: 'task', counted: true, since: '2025-11-25', until: stateless },
  'tasks/cancel': { decided: 'task', counted: true, since: '2025-11-25', until: stateless },
  'tasks/list': { decided: 'task', counted: true, since: '2025-11-25', until: stateless, items: 'tasks' },
} satisfies Record<string, Method>)

export const notificationMethods: Readonly<Record<string, Method>> = Object.assign(Object.create(null) as object, {
  'notifications/initialized': { decided: 'any', counted: false, since: first, until: stateless },
  'notifications/cancelled': { decided: 'owner', counted: false, since: first },
  'notifications/progress': { decided: 'owner', counted: false, since: first },
  'notifications/roots/list_changed': { decided: 'owner', counted: false, since: first, until: stateless },
  'notifications/tasks/status': { decided: 'owner', counted: false, since: '2025-11-25', until: stateless },
} satisfies Record<string, Method>)

/** The entry of `method` in `table` when `revision` defines it. Revisions are dates, so they compare as text. */
export const methodIn = (
  table: Readonly<Record<string, Method>>,
  method: string,
  revision: Revision,
): Method | undefined => {
  const entry = table[method]
  if (entry === undefined || revision < entry.since) return undefined
  return entry.until !== undefined && revision >= entry.until ? undefined : entry
}
