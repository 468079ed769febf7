import { setFlagsFromString } from 'node:v8'

/** By how much of what is in use the heap may grow before it is collected, in percent. */
const growth = 25

/**
 * Has V8 collect earlier. Left to itself it lets a heap of this size grow to several times what is in use, as on a machine of
 * its own; a webhook of a large cluster changes little at a time, and has a limit.
 *
 * The flag is read whenever a limit is computed, thus also heeded after the start; not so `--max-semi-space-size`, which the
 * image's entry point sets.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${growth}`)
}
