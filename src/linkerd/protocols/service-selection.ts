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
 * Which Pods are behind which Services, found by a label of the selector: of a namespace with thousands of each, nobody goes
 * through all Pods for every Service, nor through all Services for every Pod.
 */

type Service = Resource<'Service'>
type PodView = View<PodKind, LinkerdSettings>
type ServiceView = View<'Service', LinkerdSettings>

/** Pods and workloads whose Pods a Service selects. */
export function selectedBy(service: Service, view: PodView): readonly Resource<PodKind>[] {
  const among = podKinds.map((kind) => view.inNamespace<PodKind>(kind, service.namespace))
  return selectedLast([service, ...among], () => {
    const box = selectorOf(service)
    return box === undefined ? [] : view.deriveFor(service.namespace, indexPods)(box)
  })
}

const selectedLast = rememberLast<readonly Resource<PodKind>[]>()

function indexPods(view: PodView, namespace: string): (box: Box) => readonly Resource<PodKind>[] {
  const pods = podKinds.flatMap((kind) => view.inNamespace<PodKind>(kind, namespace))
  return indexLabels(pods, (pod) => labelsOf(podTemplateOf(pod).metadata), podKey)
}

/** The Services of its namespace that select a Pod. */
export function servicesOf({ metadata }: PodTemplate, namespace: string, view: ServiceView): readonly Service[] {
  return view.deriveFor(namespace, indexServices).holding(labelsOf(metadata))
}

function indexServices(view: ServiceView, namespace: string): BoxLists<Service> {
  const around = view.around()
  const base = around === view ? undefined : around.deriveFor(namespace, indexServices)
  const selecting = view.inNamespace('Service', namespace).filter((service) => selectorOf(service) !== undefined)
  return listByBox(selecting, (service) => selectorOf(service) ?? new Map(), podKey, base)
}

/** A plain map as a box; undefined where there is none, or an empty one, which selects nothing. */
function selectorOf({ spec }: Service): Box | undefined {
  const box = boxOf({ matchLabels: spec.selector ?? null }, podKey)
  return box === undefined || box.size === 0 ? undefined : box
}
