import type { Clock } from './clock.ts'

/** How long to wait after a failure: longer each time, until a stream was healthy for a while. */
export interface BackOff {
  /** A stream begins. */
  begin(): void
  /** It ends; when it lasted this long, the failures before it are forgotten. */
  end(healthyMs: number): void
  /** Are there no failures that count? */
  isRested(): boolean
  /** Milliseconds to wait after one more failure, and never less than the server asks for. */
  next(atLeastMs: number): number
}

const firstMs = 500
const mostMs = 30_000

/** Doubles from half a second to half a minute, with full jitter: many who fail together do not come back together. */
export function createBackOff(clock: Clock): BackOff {
  let failures = 0
  let begun = 0
  let rested = true
  return {
    begin() {
      begun = clock.now()
    },
    end(healthyMs) {
      rested = clock.now() - begun >= healthyMs
      if (rested) failures = 0
    },
    isRested: () => rested,
    next(atLeastMs) {
      const most = Math.min(mostMs, firstMs * 2 ** failures)
      failures++
      return Math.max(atLeastMs, most * clock.random())
    },
  }
}
