import { isObject, jsonEqual } from '../k8s/json.ts'

/** Makes equal objects one. Holds them weakly: what nobody else uses any more is forgotten. */
export interface Sharer {
  /** The first of all objects equal to this one. Neither may be changed afterwards. */
  readonly share: <T extends object>(value: T) => T
  /** How many distinct objects are remembered, forgotten ones that are not swept up yet included. */
  size(): number
}

/** Below this many there is nothing worth sweeping. */
const fewest = 1024

/** A sharer for JSON values. It is quickest from the leaves up: what was shared before is not looked into again. */
export function createSharer(): Sharer {
  const known = new Map<number, WeakRef<object>>()
  const hashes = new WeakMap<object, number>()
  let sweepAt = 2 * fewest
  const sweep = () => {
    for (const [hash, reference] of known) if (reference.deref() === undefined) known.delete(hash)
    sweepAt = 2 * Math.max(known.size, fewest)
  }
  /** 30 bits, which V8 keeps without an allocation. */
  const hashOf = (value: unknown): number => {
    if (typeof value === 'string') return hashText(value)
    if (typeof value !== 'object' || value === null) return hashText(String(value)) ^ 1
    const before = hashes.get(value)
    if (before !== undefined) return before
    let hash = 7
    if (Array.isArray(value)) for (const item of value) hash = mix(hash, hashOf(item))
    else if (isObject(value))
      for (const key of Object.keys(value)) hash = mix(mix(hash, hashText(key)), hashOf(value[key]))
    return hash & 0x3fffffff
  }
  return {
    share<T extends object>(value: T): T {
      const hash = hashOf(value)
      // Different values with the same hash take the next free places: a few, so that a row of them stays short.
      for (let place = hash; place < hash + 4; place++) {
        const found = known.get(place)?.deref()
        if (found !== undefined && !jsonEqual(found, value)) continue
        if (found !== undefined) return found as T
        if (known.size >= sweepAt) sweep()
        known.set(place, new WeakRef(value))
        hashes.set(value, hash)
        return value
      }
      return value
    },
    size: () => known.size,
  }
}

function mix(hash: number, more: number): number {
  return Math.imul(hash ^ more, 0x5bd1e995) ^ (hash >>> 15)
}

function hashText(text: string): number {
  let hash = text.length
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash ^ (hash >>> 13)
}
