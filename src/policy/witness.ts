import type { Labels } from '../k8s/selector.ts'
import { type Box, contains } from './box.ts'

/**
 * Labels of one object that is in a box, as few as there can be; undefined where none is found at once.
 *
 * @param prefix of the keys that count; the labels are without it
 */
export function witnessOf(box: Box, prefix: string): Labels | undefined {
  const labels: Record<string, string> = {}
  for (const [key, { listed, except, absent }] of box) {
    if (!key.startsWith(prefix) || absent) continue
    const [first] = listed
    // A value longer than every listed one is none of them.
    const value = except ? 'x'.repeat(1 + Math.max(0, ...[...listed].map((one) => one.length))) : first
    if (value === undefined) return undefined
    labels[key.slice(prefix.length)] = value
  }
  return contains(box, labels, prefix) ? labels : undefined
}
