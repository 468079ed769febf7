import type { Direction, Policy, Rule } from '../../policy/policy.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import type { PolicyView } from './policy-forms.ts'
import { describePeers, peerPodsOf } from './policy-peers.ts'
import { subjectsOf } from './policy-world.ts'

/** A Pod and what people call it. */
interface NamedPod {
  readonly pod: PodFacts
  readonly text: string
}

/** Two Pods that a rule speaks of, and that are, or may be, meshed. */
export interface MeshedPair {
  readonly client: NamedPod
  readonly server: NamedPod
  /** Both are known to be meshed. */
  readonly sure: boolean
}

/** The pairs of meshed Pods that a rule of a policy speaks of, those that are surely meshed first, and of those two that differ. */
export function meshedPairs(policy: Policy, direction: Direction, rule: Rule, view: PolicyView): readonly MeshedPair[] {
  const pairs: MeshedPair[] = []
  for (const { pod, text } of subjectsOf(policy, view))
    for (const peer of rule.peers) {
      if (peer.as !== 'pods') continue
      for (const peers of peerPodsOf(peer.box, pod.namespace, view)) {
        if (peers.pod.unknown || peers.pod.meshed === 'no') continue
        const ends = [
          { pod: peers.pod, text: describePeers(peers, peers.box ?? peer.box) },
          { pod, text },
        ] as const
        const [client, server] = direction === 'ingress' ? ends : ([ends[1], ends[0]] as const)
        const sure = pod.meshed === 'yes' && peers.pod.meshed === 'yes' && !peers.doubtful
        pairs.push({ client, server, sure })
      }
    }
  const rank = ({ client, server, sure }: MeshedPair) => (sure ? 0 : 2) + (client.text === server.text ? 1 : 0)
  return pairs.toSorted((one, other) => rank(one) - rank(other))
}
