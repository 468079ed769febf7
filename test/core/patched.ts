import { applyPatch } from 'rfc6902'
import type { PatchOperation } from '../../src/core/json-patch.ts'

/** What the rfc6902 package, which knows nothing of ours, makes of a patch. */
export function patched(object: unknown, operations: readonly PatchOperation[]): unknown {
  // The package cannot replace the root.
  const holder = { root: structuredClone(object) }
  const below = operations.map((operation) => ({ ...structuredClone(operation), path: `/root${operation.path}` }))
  for (const error of applyPatch(holder, below)) if (error) throw error
  return holder.root
}
