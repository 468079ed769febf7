/** What a timer is for. Tests fire them by name. */
export type Purpose = 'answer' | 'back-off' | 'look-again' | 'silence' | 'staleness'

/** Time and chance, as arguments. */
export interface Clock {
  /** Milliseconds; never goes back. */
  now(): number
  /** From 0 up to, and not including, 1. */
  random(): number
  /** Calls `fire` once, after a while. Answers how to prevent that. */
  after(ms: number, purpose: Purpose, fire: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  after(ms, _purpose, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

/** Waits, or until the signal aborts; never throws. */
export function sleep(clock: Clock, ms: number, purpose: Purpose, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, purpose, done)
    signal.addEventListener('abort', done)
  })
}

/** Notices that nothing was heard for a while. */
export interface SilenceAlarm {
  heard(): void
  stop(): void
}

/** Rings once, when nothing was heard for `ms`. One timer however much is heard. */
export function alarmOnSilence(clock: Clock, ms: number, purpose: Purpose, ring: () => void): SilenceAlarm {
  let last = clock.now()
  let cancel: (() => void) | undefined
  const arm = (rest: number) => {
    cancel = clock.after(rest, purpose, () => {
      const silent = clock.now() - last
      if (silent >= ms) ring()
      else arm(ms - silent)
    })
  }
  arm(ms)
  return {
    heard() {
      last = clock.now()
    },
    stop: () => cancel?.(),
  }
}
