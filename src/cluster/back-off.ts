import type { Clock } from './clock.ts'

/** How long to wait after a failure: longer each time, until a stream was healthy for a while. */
export interface BackOff {
  /** A stream begins. */
  begin(): void
  /** It ends; when it lasted this long, the failures before it are forgotten. */
  end(healthyMs: number): void
  /** Are there no failures that count? */
  isRested(): boolean
  /**
   * Milliseconds to wait after one more failure, and never less than the server asks for.
   *
   * @param answered the server is there and said what to do instead: the first time, that is done without much ado
   */
  next(atLeastMs: number, answered: boolean): number
}

const firstMs = 500

/** Whoever has waited so long still has five seconds to be up to date within half a minute. */
const mostMs = 25_000

/** Doubles from half a second, with full jitter: many who fail together do not come back together. */
export function createBackOff(clock: Clock): BackOff {
  let failures = 0
  let begun = 0
  let rested = true
  let answeredOnce = false
  return {
    begin() {
      begun = clock.now()
    },
    end(healthyMs) {
      rested = clock.now() - begun >= healthyMs
      if (!rested) return
      failures = 0
      answeredOnce = false
    },
    isRested: () => rested,
    next(atLeastMs, answered) {
      if (answered && !answeredOnce) {
        answeredOnce = true
        return Math.max(atLeastMs, firstMs * clock.random())
      }
      const most = Math.min(mostMs, firstMs * 2 ** failures)
      failures++
      return Math.max(atLeastMs, most * clock.random())
    },
  }
}
