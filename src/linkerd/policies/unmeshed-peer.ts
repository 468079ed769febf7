import { listedValues } from '../../policy/box.ts'
import { namespaceKey, namespaceNameLabel, type Peer } from '../../policy/policy.ts'
import { isControlPlane, isNamespaceMeshed, type MeshView } from '../pods/meshed.ts'
import { imaginedPodIn, namespacesWithPods, type PodFacts } from '../pods/pod-facts.ts'
import { podsHeld } from '../pods/selected-pods.ts'
import { isWide, namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'

/** One of the Pods that the peers of a rule stand for, if there are any and all of them are known not to be meshed. */
export function unmeshedPeer(peers: readonly Peer[], view: MeshView): PodFacts | undefined {
  let first: PodFacts | undefined
  for (const peer of peers) {
    if (peer.as !== 'pods' || (view.scope === 'cluster' && isWide(peer.box))) return undefined
    const names = isWide(peer.box)
      ? new Set([...view.namespacesWith('Namespace'), ...namespacesWithPods(view)])
      : listedValues(peer.box, namespaceKey + namespaceNameLabel)
    for (const name of names) {
      const match = namespaceMatches(peer.box, name, namespaceLabelsOf(name, view))
      if (match === 'no') continue
      if (match === 'maybe' || isControlPlane(name, view)) return undefined
      const selected = podsHeld(name, peer.box, view)
      const found = selected.length > 0 ? selected : [imaginedPodIn(name, isNamespaceMeshed(name, view), view)]
      if (found.some((pod) => pod.meshed !== 'no')) return undefined
      first ??= found[0]
    }
  }
  return first
}
