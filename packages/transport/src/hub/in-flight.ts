/** Requests under way, in all and by principal: what keeps one caller, or all together, from filling the memory. */
export interface InFlight {
  /** False when there are too many already. */
  enter(principalId: string): boolean
  leave(principalId: string): void
}

export const createInFlight = (maxInAll: number, maxPerPrincipal: number): InFlight => {
  const counts = new Map<string, number>()
  let inAll = 0
  return {
    enter(principalId) {
      const own = counts.get(principalId) ?? 0
      if (inAll >= maxInAll || own >= maxPerPrincipal) return false
      inAll++
      counts.set(principalId, own + 1)
      return true
    },
    leave(principalId) {
      inAll--
      const left = (counts.get(principalId) ?? 1) - 1
      if (left === 0) counts.delete(principalId)
      else counts.set(principalId, left)
    },
  }
}
