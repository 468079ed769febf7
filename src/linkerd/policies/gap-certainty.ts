import type { Doubt } from './wire-port-gaps.ts'

/** Why what is said of two ends may not be so, as the end of a sentence. */
export function certaintyText(doubt: Doubt | undefined, guess: string | undefined): string {
  const certainty = doubt === undefined ? '' : certainties[doubt]
  return guess === undefined ? certainty : `${certainty} (not certain: ${guess})`
}

const certainties: Readonly<Record<Doubt, string>> = {
  mesh: ', if both are meshed',
  addresses: ', unless the network plugin matches Pods by address',
  existence: ', should both exist and be meshed',
  value: ', unless what is not known here allows it',
  size: ', unless the policies together allow it, which are too many to tell',
}
