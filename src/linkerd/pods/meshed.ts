import type { View } from '../../core/view.ts'
import { isUnresolved, own } from '../../k8s/json.ts'
import { type PodKind, type PodTemplate, podKinds, podTemplateOf } from '../../k8s/pod-template.ts'
import { annotationOf, labelsOf, type Resource } from '../../k8s/resource.ts'
import type { ObjectMeta } from '../../k8s/spec-shapes.ts'
import { annotations, labels } from '../facts.ts'
import { whyNotInjected } from '../injection/injection.ts'
import { type Reach, reachOfInjector } from '../injection/injector-reach.ts'
import type { LinkerdSettings } from '../settings.ts'

/** Does the Pod have the proxy, or would it get one? */
export type Meshed = 'yes' | 'no' | 'unknown'

/** What a rule must read to know who is meshed. */
export const meshReads = ['Namespace', ...podKinds] as const

export type MeshView = View<(typeof meshReads)[number], LinkerdSettings>

/**
 * The namespace whose Pods, or whose Namespace, are what a review changes: what is kept of the cluster as it is does not hold
 * there.
 */
export function changedHome({ changed }: MeshView): string | undefined {
  return changed && meshReads.some((kind) => kind === changed.kind) ? changed.namespace : undefined
}

/** The namespace's object where it is known. Files may hold several: one that has its Pods meshed counts, else the last. */
export function namespaceOf(view: View<'Namespace', LinkerdSettings>, name: string): Resource<'Namespace'> | undefined {
  const all = view.inNamespace('Namespace', name)
  return all.length > 1 ? (all.findLast(hasPodsMeshed) ?? all.at(-1)) : all[0]
}

function hasPodsMeshed({ metadata }: Resource<'Namespace'>): boolean {
  return ['enabled', 'ingress'].includes(annotationOf(metadata, annotations.inject) ?? '')
}

/** Will the API server call the injector when a Pod with these labels is created in this namespace? */
function podReaches(metadata: ObjectMeta, namespaceName: string, view: MeshView): Reach {
  const namespace = namespaceOf(view, namespaceName)
  return reachOfInjector({ resource: 'pods', labels: labelsOf(metadata), namespaceName, namespace }, view.settings)
}

/** Does the injector see Pods of this template when they are created, as far as is known? */
export function seesPods({ metadata }: Pick<PodTemplate, 'metadata'>, namespaceName: string, view: MeshView): boolean {
  return podReaches(metadata, namespaceName, view) !== 'no'
}

/** Does the injector see this Service when it is created, as far as is known? Then it writes its annotations. */
export function seesService(service: Resource<'Service'>, view: View<'Namespace', LinkerdSettings>): boolean {
  const { metadata, namespace: namespaceName } = service
  const namespace = namespaceOf(view, namespaceName)
  return (
    reachOfInjector({ resource: 'services', labels: labelsOf(metadata), namespaceName, namespace }, view.settings) !==
    'no'
  )
}

/**
 * Is this Pod, or are the Pods of this workload, meshed?
 *
 * A Pod with the label `linkerd.io/control-plane-ns` is: that is exactly what Linkerd's controllers ask. A Pod that a
 * cluster has created without it is not, and will not be. Otherwise the injector's own decision predicts it, as far as the
 * namespace is known. (Of a Pod that has passed the injector the label alone tells: {@link hasMeshLabel}.)
 */
export function isMeshed(pod: PodTemplate, namespaceName: string, view: MeshView): Meshed {
  if (hasMeshLabel(pod.metadata)) return 'yes'
  if (pod.path.length === 0 && (pod.metadata.creationTimestamp ?? '') !== '') return 'no'
  const namespace = namespaceOf(view, namespaceName)
  const reach = podReaches(pod.metadata, namespaceName, view)
  if (reach === 'no') return 'no'
  const declared = annotationOf(pod.metadata, annotations.inject)
  const inherited = annotationOf(namespace?.metadata, annotations.inject)
  if (isUnresolved(declared) || isUnresolved(inherited)) return assumed(view)
  const reasons = whyNotInjected(pod, inherited, view.settings)
  if (namespace !== undefined) return reasons.length > 0 ? 'no' : reach === 'yes' ? 'yes' : assumed(view)

  // Without the Namespace only the Pod's own word counts. `enabled` holds unless the namespace's value is a typo.
  const others = reasons.filter((reason) => reason !== 'injection_enable_annotation_absent')
  if (others.length > 0 || declared === 'disabled') return 'no'
  if (reasons.length === 0) return reach === 'yes' ? 'yes' : assumed(view)
  return view.scope === 'cluster' ? 'no' : namespaceByEvidence(namespaceName, view)
}

/** The label that the injector adds, and the one thing Linkerd's controllers ask of a Pod. */
export function hasMeshLabel(metadata: ObjectMeta): boolean {
  return (own(labelsOf(metadata), labels.controlPlaneNamespace) ?? '') !== ''
}

/** Would an ordinary Pod in this namespace, one that says nothing of injection itself, be meshed? */
export function isNamespaceMeshed(name: string, view: MeshView): Meshed {
  return isMeshed({ metadata: {}, spec: {}, path: [] }, name, view)
}

/** A namespace whose object is not in the input counts as meshed once any Pod of it is seen to be. */
function namespaceByEvidence(name: string, view: MeshView): Meshed {
  return view.derive(namespacesWithMeshedPods).has(name) ? 'yes' : assumed(view)
}

/**
 * Where the control plane lives. In files, as its Namespace or the label of meshed Pods say, or else the settings: more than
 * one answer is several control planes, or a mistake. Of a cluster the settings know it.
 */
export function controlPlanesOf(view: MeshView): readonly [string, ...string[]] {
  return view.scope === 'cluster' ? [view.settings.controlPlaneNamespace] : view.derive(findControlPlanes)
}

function findControlPlanes(view: MeshView): readonly [string, ...string[]] {
  const marked = view
    .all('Namespace')
    .filter(({ metadata }) => own(labelsOf(metadata), labels.isControlPlane) === 'true')
    .map(({ name }) => name)
  const named = podKinds.flatMap((kind) =>
    view
      .all<PodKind>(kind)
      .map((resource) => own(labelsOf(podTemplateOf(resource).metadata), labels.controlPlaneNamespace) ?? '')
      .filter((name) => name !== ''),
  )
  const [first = view.settings.controlPlaneNamespace, ...others] = new Set([...marked, ...named])
  return [first, ...others]
}

/** Proxies reach the control plane directly, never by the inbound port; and it does not call applications. */
export function isControlPlane(name: string, view: MeshView): boolean {
  return (
    controlPlanesOf(view).includes(name) ||
    own(labelsOf(namespaceOf(view, name)?.metadata), labels.isControlPlane) === 'true'
  )
}

function namespacesWithMeshedPods(view: MeshView): ReadonlySet<string> {
  const found = new Set<string>()
  for (const kind of podKinds)
    for (const resource of view.all<PodKind>(kind)) {
      const { metadata } = podTemplateOf(resource)
      const value = annotationOf(metadata, annotations.inject)
      if (hasMeshLabel(metadata) || value === 'enabled' || value === 'ingress') found.add(resource.namespace)
    }
  return found
}

function assumed(view: MeshView): Meshed {
  if (view.settings.assume === 'meshed') return 'yes'
  return view.settings.assume === 'unmeshed' ? 'no' : 'unknown'
}
