import type { Clock, Purpose } from '../../src/cluster/clock.ts'

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Waits until there is a timer for this purpose. */
  set(purpose: Purpose): Promise<void>
  /** Waits until there is a timer for this purpose, moves to its time and fires it. Answers how long it was set for. */
  fire(purpose: Purpose): Promise<number>
  /** Moves without firing anything. */
  advance(ms: number): void
  pending(): number
}

interface Timer {
  readonly purpose: Purpose
  readonly ms: number
  readonly at: number
  readonly fire: () => void
}

/** @param random what chance answers, always */
export function createManualClock(random = 0.5): ManualClock {
  let now = 0
  const timers = new Set<Timer>()
  const waiting = new Set<() => void>()
  const timerFor = async (purpose: Purpose): Promise<Timer> => {
    for (;;) {
      const timer = [...timers].find((timer) => timer.purpose === purpose)
      if (timer !== undefined) return timer
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    }
  }
  return {
    now: () => now,
    random: () => random,
    after(ms, purpose, fire) {
      const timer = { purpose, ms, at: now + ms, fire }
      timers.add(timer)
      for (const wake of waiting) wake()
      return () => {
        timers.delete(timer)
      }
    },
    async set(purpose) {
      await timerFor(purpose)
    },
    async fire(purpose) {
      const timer = await timerFor(purpose)
      timers.delete(timer)
      now = Math.max(now, timer.at)
      timer.fire()
      return timer.ms
    },
    advance(ms) {
      now += ms
    },
    pending: () => timers.size,
  }
}
