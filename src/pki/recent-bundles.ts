/** Remembers the caBundles that some API server may still go by. */
export interface RecentBundles {
  /** The bundles in force, and those that were until a moment ago. Call it often: a change counts from when it is told of. */
  among(inForce: readonly string[], nowMs: number): readonly string[]
}

/**
 * Several API servers hear of a changed configuration at different moments, and later than we do, perhaps (0.2 s were seen on an
 * idle machine with one of them).
 */
const lagMs = 5000

export function createRecentBundles(): RecentBundles {
  let last: readonly string[] = []
  let replaced: readonly { readonly bundle: string; readonly atMs: number }[] = []
  return {
    among(inForce, nowMs) {
      const gone = last.filter((bundle) => !inForce.includes(bundle)).map((bundle) => ({ bundle, atMs: nowMs }))
      last = inForce
      replaced = [...replaced, ...gone].filter(({ atMs }) => nowMs - atMs < lagMs)
      return [...new Set([...inForce, ...replaced.map(({ bundle }) => bundle)])]
    },
  }
}
