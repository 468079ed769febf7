import { rememberLast } from '../../core/cache.ts'
import type { View } from '../../core/view.ts'
import { type PodKind, type PodTemplate, podKinds, podTemplateOf } from '../../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { type Box, boxOf } from '../../policy/box.ts'
import { indexLabels } from '../../policy/box-index.ts'
import { type BoxLists, listByBox } from '../../policy/box-lists.ts'
import { podKey } from '../../policy/policy.ts'
import type { LinkerdSettings } from '../settings.ts'

/*
 * Which Pods are behind which Services and Servers, found by a label of the selector: of a namespace with thousands of each,
 * nobody goes through all Pods for every Service, nor through all Services for every Pod.
 */

type Workloads = readonly Resource<PodKind>[]
type PodView = View<PodKind, LinkerdSettings>

/** Pods and workloads whose Pods a Service selects. A plain map; without one, or with an empty one, it selects nothing. */
export function selectedBy(service: Resource<'Service'>, view: PodView): Workloads {
  return selected(service, serviceSelector(service), view)
}

/** Pods and workloads whose Pods a Server is about. A selector with a term that the API refuses matches nothing. */
export function podsOfServer(server: Resource<'Server'>, view: PodView): Workloads {
  return selected(server, serverSelector(server), view)
}

function selected(by: Resource, selector: Box | undefined, view: PodView): Workloads {
  const among = podKinds.map((kind) => view.inNamespace<PodKind>(kind, by.namespace))
  return selectedLast([by, ...among], () =>
    selector === undefined ? [] : view.deriveFor(by.namespace, indexPods)(selector),
  )
}

const selectedLast = rememberLast<Workloads>()

function indexPods(view: PodView, namespace: string): (box: Box) => Workloads {
  const pods = podKinds.flatMap((kind) => view.inNamespace<PodKind>(kind, namespace))
  return indexLabels(pods, (pod) => labelsOf(podTemplateOf(pod).metadata), podKey)
}

/** The Services of its namespace that select a Pod. */
export function servicesOf(
  { metadata }: PodTemplate,
  namespace: string,
  view: View<'Service', LinkerdSettings>,
): readonly Resource<'Service'>[] {
  return view.deriveFor(namespace, indexServices).holding(labelsOf(metadata))
}

/** The Servers of its namespace that are about a Pod, on whichever port. */
export function serversOf(
  { metadata }: PodTemplate,
  namespace: string,
  view: View<'Server', LinkerdSettings>,
): readonly Resource<'Server'>[] {
  return view.deriveFor(namespace, indexServers).holding(labelsOf(metadata))
}

const indexServices = indexOf('Service', serviceSelector)
const indexServers = indexOf('Server', serverSelector)

function indexOf<K extends 'Service' | 'Server'>(kind: K, selectorOf: (resource: Resource<K>) => Box | undefined) {
  return function index(view: View<K, LinkerdSettings>, namespace: string): BoxLists<Resource<K>> {
    const around = view.around()
    const base = around === view ? undefined : around.deriveFor(namespace, index)
    const selecting = view.inNamespace(kind, namespace).filter((one) => selectorOf(one) !== undefined)
    return listByBox(selecting, (one) => selectorOf(one) ?? nobody, podKey, base)
  }
}

const nobody: Box = new Map()

function serviceSelector({ spec: { selector } }: Resource<'Service'>): Box | undefined {
  return selector == null || Object.keys(selector).length === 0 ? undefined : boxOf({ matchLabels: selector }, podKey)
}

function serverSelector({ spec: { podSelector } }: Resource<'Server'>): Box | undefined {
  return podSelector == null ? undefined : boxOf(podSelector, podKey)
}
