import { setImmediate } from 'node:timers/promises'

/** Asks again, whenever everything else has had its turn, until the answer is yes; gives up after ten seconds. */
export async function until(ask: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await setImmediate()) if (await ask()) return
  throw new Error(`it never came true: ${String(ask)}`)
}
