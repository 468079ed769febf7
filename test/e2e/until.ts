import { setTimeout as pause } from 'node:timers/promises'

/** How long to wait: a minute, unless `isAlive` says earlier that there is nothing to wait for. */
interface Patience {
  readonly minutes?: number
  readonly isAlive?: () => boolean
}

/**
 * Asks again until the answer is yes; a throwing question is a no.
 *
 * @throws when it did not come in time
 */
export async function until(
  what: string,
  ask: () => Promise<boolean>,
  { minutes = 1, isAlive = () => true }: Patience = {},
): Promise<void> {
  for (const end = Date.now() + minutes * 60_000; Date.now() < end && isAlive(); await pause(50)) {
    try {
      if (await ask()) return
    } catch {
      // Not yet.
    }
  }
  throw new Error(`${what} is not there after ${minutes * 60} s`)
}
