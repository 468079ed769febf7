import type { Labels } from '../../k8s/selector.ts'
import { addBits, type Bits } from '../../policy/bits.ts'
import { type Box, boxKey } from '../../policy/box.ts'
import { portsOf } from '../../policy/port-set.ts'
import { isServedInMesh } from '../pods/mesh-summary.ts'
import { type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { webPorts } from '../protocols/web-ports.ts'
import { redirectsEveryPort } from '../settings.ts'
import { podIndex } from './mesh-index.ts'
import type { PolicyView } from './policy-forms.ts'
import { policyIndex, wideAbout } from './policy-index.ts'
import { namespaceLabelsOf } from './policy-peers.ts'

/** A Pod that comes or goes, and the labels that its namespace has then. */
export interface Comer {
  readonly pod: PodFacts
  readonly namespaceLabels: Labels
}

/**
 * Has every one of these Pods a twin for a namespace: a Pod of a third one that is reached as it is, and that no policy about Pods
 * there tells from it? Then whether they come or go is no news to those policies, as far as they mean Pods of namespaces that they
 * do not name.
 */
export function twinsOf(comers: readonly Comer[], home: string, view: PolicyView): (place: string) => boolean {
  const index = podIndex(view)
  const policies = policyIndex(view)
  const meshed = comers.filter(({ pod }) => pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown)
  // Otherwise Services and Servers of the other end's namespace decide as well; and who is first to serve the web is news to all.
  const isKnown = meshed.every(({ pod }) => !pod.unknownLabels)
  const canBe = isKnown && redirectsEveryPort(view.settings) && webPorts.every((port) => isServedAlike(port, view))
  const known = new Map<string, readonly Bits[]>()
  const alike = (boxes: ReadonlyMap<string, Box>): readonly Bits[] => {
    const key = [...boxes.keys()].toSorted().join('\n')
    const found =
      known.get(key) ?? meshed.map(({ pod, namespaceLabels }) => index.like(pod, namespaceLabels, boxes.values()))
    known.set(key, found)
    return found
  }
  return (place) => {
    const labels = namespaceLabelsOf(place, view)
    if (!canBe || labels === undefined || podsIn(place, view).some(({ skipOutbound }) => skipOutbound.length > 0))
      return false
    const about = [...(policies.homes.get(place) ?? []), ...wideAbout(labels, policies)]
    const boxes = new Map(about.flatMap(({ far }) => far.map((box) => [boxKey(box), box] as const)))
    return alike(boxes).every((bits) => {
      const without = index.in(home)
      addBits(without, index.in(place))
      return index.takeFirst(bits, bits, without) !== undefined
    })
  }
}

function isServedAlike(port: number, view: PolicyView): boolean {
  return isServedInMesh(portsOf([port]), view) === isServedInMesh(portsOf([port]), view.around())
}
