import type { Labels } from '../../k8s/selector.ts'
import { addBits } from '../../policy/bits.ts'
import { type Box, contains } from '../../policy/box.ts'
import { namespaceKey, podKey } from '../../policy/policy.ts'
import { hasPort, portsOf } from '../../policy/port-set.ts'
import { isServedInMesh } from '../pods/mesh-summary.ts'
import { namesKey, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { wireKey } from '../pods/pod-index.ts'
import { webPorts } from '../protocols/web-ports.ts'
import { redirectsEveryPort } from '../settings.ts'
import { podIndex } from './mesh-index.ts'
import type { PolicyView } from './policy-forms.ts'
import { farOf, policyIndex } from './policy-index.ts'
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
  const served = webPorts.filter((port) => meshed.some(({ pod }) => hasPort(pod.declared, port)))
  const canBe = isKnown && redirectsEveryPort(view.settings) && served.every((port) => isServedAlike(port, view))
  const profiles = new Map(meshed.map(({ pod }) => [pod, wireKey(pod) + namesKey(pod.named)]))
  const known = new Map<string, readonly Homes[]>()
  /** Where twins of each of the Pods are, once for those that are like each other. */
  const findTwins = (boxes: readonly Box[]): readonly Homes[] => {
    const found = new Map<string, Homes>()
    for (const { pod, namespaceLabels } of meshed) {
      const places = boxes.map((box) => isIn(box, pod, namespaceLabels))
      const key = `${profiles.get(pod)} ${places.map(Number).join('')}`
      if (found.has(key)) continue
      const alike = index.like(pod, namespaceLabels, boxes)
      const passed = index.in(home)
      const first = index.takeFirst(alike, alike, passed)?.namespace
      if (first !== undefined) addBits(passed, index.in(first))
      found.set(key, { first, other: index.takeFirst(alike, alike, passed)?.namespace })
    }
    return [...found.values()]
  }
  return (place) => {
    const labels = namespaceLabelsOf(place, view)
    if (!canBe || labels === undefined) return false
    const { boxes, key } = farOf(place, labels, policies)
    const found = known.get(key) ?? findTwins(boxes)
    known.set(key, found)
    if (found.some(({ first, other }) => (first === place ? other : first) === undefined)) return false
    return podsIn(place, view).every(({ skipOutbound }) => skipOutbound.length === 0)
  }
}

/** A namespace with a twin, and another one. */
interface Homes {
  readonly first: string | undefined
  readonly other: string | undefined
}

function isIn(box: Box, { labels }: PodFacts, namespaceLabels: Labels): boolean {
  return contains(box, labels, podKey) && contains(box, namespaceLabels, namespaceKey)
}

function isServedAlike(port: number, view: PolicyView): boolean {
  return isServedInMesh(portsOf([port]), view) === isServedInMesh(portsOf([port]), view.around())
}
