import { type Cache, createCache } from '../../core/cache.ts'
import { type Box, boxKey } from '../../policy/box.ts'
import { indexLabels } from '../../policy/box-index.ts'
import { podKey } from '../../policy/policy.ts'
import type { MeshView } from './meshed.ts'
import { type PodFacts, podsIn } from './pod-facts.ts'

/** The known Pods of a namespace that a box holds by their own labels, in the order of {@link podsIn}. */
export function podsHeld(namespace: string, box: Box, view: MeshView): readonly PodFacts[] {
  return view.deriveFor(namespace, startSelections)(box)
}

/** Remembers whom a box holds for as long as the Pods stay what they are. */
function startSelections(view: MeshView, namespace: string): (box: Box) => readonly PodFacts[] {
  const find = indexLabels(podsIn(namespace, view), ({ labels }) => labels, podKey)
  const known: Cache<readonly PodFacts[]> = createCache()
  return (box) => known(boxKey(box), () => find(box))
}
