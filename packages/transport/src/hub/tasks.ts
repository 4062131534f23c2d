import { isRecord, type JsonRpcResponse } from '@portcullis/guard'

/**
 * Who created which task (2025-11-25 `tasks/*`): a task id alone is no right to the task. Bounded for each principal, so that
 * one cannot make the tasks of others forgotten; its own oldest are.
 */
export interface TaskOwners {
  own(taskId: string, principalId: string): void
  isOwner(taskId: unknown, principalId: string): boolean
  ownerOf(taskId: unknown): string | undefined
  /** Whether params or a result say that they are part of a task which is not this principal's. */
  isForeign(content: unknown, principalId: string): boolean
  /** A response to `tasks/list` with this principal's own tasks. */
  filter(response: JsonRpcResponse | undefined, principalId: string): JsonRpcResponse | undefined
}

const relatedTask = 'io.modelcontextprotocol/related-task'

export const createTaskOwners = (maxPerPrincipal = 1000): TaskOwners => {
  const owners = new Map<string, string>()
  const tasks = new Map<string, Set<string>>()
  const isOwner = (taskId: unknown, principalId: string): boolean =>
    typeof taskId === 'string' && owners.get(taskId) === principalId

  return {
    isOwner,
    own(taskId, principalId) {
      // A server that hands out an id twice must not thereby hand the first owner's task over.
      if (owners.has(taskId)) return
      const own = tasks.get(principalId) ?? new Set()
      if (own.size >= maxPerPrincipal) {
        const [oldest] = own
        own.delete(oldest as string)
        owners.delete(oldest as string)
      }
      own.add(taskId)
      tasks.set(principalId, own)
      owners.set(taskId, principalId)
    },
    ownerOf: (taskId) => (typeof taskId === 'string' ? owners.get(taskId) : undefined),
    isForeign(content, principalId) {
      const meta = isRecord(content) ? content['_meta'] : undefined
      const related = isRecord(meta) ? meta[relatedTask] : undefined
      return related !== undefined && !(isRecord(related) && isOwner(related['taskId'], principalId))
    },
    filter(response, principalId) {
      const result = response?.result
      if (response === undefined || !isRecord(result) || !Array.isArray(result['tasks'])) return response
      const own = result['tasks'].filter((item: unknown) => isRecord(item) && isOwner(item['taskId'], principalId))
      return { ...response, result: { ...result, tasks: own } }
    },
  }
}

/** The id of the task that a result announces (`CreateTaskResult`). */
export const createdTask = (result: unknown): string | undefined => {
  const task = isRecord(result) ? result['task'] : undefined
  const taskId = isRecord(task) ? task['taskId'] : undefined
  return typeof taskId === 'string' && taskId.length <= 1024 ? taskId : undefined
}
