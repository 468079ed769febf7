import type { Partition } from '../../core/snapshot.ts'
import { own } from '../../k8s/json.ts'
import { changedHome, type MeshView } from '../pods/meshed.ts'
import { namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'

/** Labels by which charts and operators name a Prometheus, and the viz extension its own (viz/charts/linkerd-viz). */
const nameLabels = ['app.kubernetes.io/name', 'app', 'component']

/** Pods that are a Prometheus by their labels. */
export function scrapers(view: MeshView): readonly PodFacts[] {
  const kept = view.around().maintain(findScrapers, correctScrapers)
  const changed = changedHome(view)
  if (changed === undefined) return [...kept.values()].flat()
  const others = [...kept].flatMap(([namespace, found]) => (namespace === changed ? [] : found))
  return [...others, ...scrapersIn(changed, view)]
}

function findScrapers(view: MeshView): Map<string, readonly PodFacts[]> {
  const found = new Map<string, readonly PodFacts[]>()
  view.namespacesWith('Namespace')
  for (const namespace of namespacesWithPods(view)) setScrapers(found, namespace, view)
  return found
}

/** Corrects the map in place. */
function correctScrapers(found: Map<string, readonly PodFacts[]>, changed: readonly Partition[], view: MeshView): void {
  for (const namespace of new Set(changed.map((place) => place.namespace))) setScrapers(found, namespace, view)
}

function setScrapers(found: Map<string, readonly PodFacts[]>, namespace: string, view: MeshView): void {
  const here = scrapersIn(namespace, view)
  if (here.length === 0) found.delete(namespace)
  else found.set(namespace, here)
}

function scrapersIn(namespace: string, view: MeshView): readonly PodFacts[] {
  return podsIn(namespace, view).filter(isScraper)
}

function isScraper({ labels, hostNetwork }: PodFacts): boolean {
  return !hostNetwork && nameLabels.some((label) => own(labels, label) === 'prometheus')
}
