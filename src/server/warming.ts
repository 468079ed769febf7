/** What is done again when something has changed, and not more often than it is worth. */
export interface Warming {
  /** Looks whether there is something to do, and does it. */
  tick(): void
}

/** Of the time at most one part in so many goes into it. */
const restPerWork = 10

/**
 * @param state what the work rests on: it is done when one of these is another one than last time
 * @param work is told of nothing, and must not fail
 * @param clock seconds, monotonic
 */
export function createWarming(state: () => readonly unknown[], work: () => void, clock: () => number): Warming {
  let last: readonly unknown[] = []
  let notBefore = -Infinity
  return {
    tick() {
      const start = clock()
      if (start < notBefore) return
      const now = state()
      if (now.length === last.length && now.every((one, i) => one === last[i])) return
      last = now
      work()
      const end = clock()
      notBefore = end + restPerWork * (end - start)
    },
  }
}
