import { isRecord } from '@portcullis/guard'

/**
 * Who created which task (2025-11-25 `tasks/*`): a task id alone is no right to the task. Bounded for each principal, so that
 * one cannot make the tasks of others forgotten; its own oldest are.
 */
export interface TaskOwners {
  own(taskId: string, principalId: string): void
  isOwner(taskId: unknown, principalId: string): boolean
  ownerOf(taskId: unknown): string | undefined
}

export const createTaskOwners = (maxPerPrincipal = 1000): TaskOwners => {
  const owners = new Map<string, string>()
  const tasks = new Map<string, Set<string>>()
  return {
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
    isOwner: (taskId, principalId) => typeof taskId === 'string' && owners.get(taskId) === principalId,
    ownerOf: (taskId) => (typeof taskId === 'string' ? owners.get(taskId) : undefined),
  }
}

/** The id of the task that a result announces (`CreateTaskResult`). */
export const createdTask = (result: unknown): string | undefined => {
  const task = isRecord(result) ? result['task'] : undefined
  const taskId = isRecord(task) ? task['taskId'] : undefined
  return typeof taskId === 'string' && taskId.length <= 1024 ? taskId : undefined
}
