/**
 * Settles as `answer` does, or rejects with what `late` makes once `ms` have passed. A process that was busy sees its timer before the answer that has long
 * been in the socket; therefore the event loop turns twice more before the answer is called late. And it may not have sent the command before it was busy;
 * therefore being busy uses up half of the time at most.
 */
export const withDeadline = <T>(answer: Promise<T>, ms: number, late: () => Error): Promise<T> =>
  new Promise((resolve, reject) => {
    let settled = false
    const expire = () => {
      if (!settled) reject(late())
    }
    const expireSoon = () => setImmediate(() => setImmediate(expire))
    let timer = setTimeout(() => {
      timer = setTimeout(expireSoon, ms / 2)
    }, ms / 2)
    answer
      .finally(() => {
        settled = true
        clearTimeout(timer)
      })
      .then(resolve, reject)
  })
