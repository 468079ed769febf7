import { type PodKind, podTemplateOf } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { isAnybodyMeshed } from './mesh-summary.ts'
import { hasMeshLabel, isMeshed, isNamespaceMeshed, type Meshed, type MeshView } from './meshed.ts'

/**
 * Are there meshed clients for this Service? Those behind it that are meshed say so; an unmeshed server has them too when
 * anything else is known to be meshed.
 */
export function clientsOfService(
  service: Resource<'Service'>,
  pods: readonly Resource<PodKind>[],
  view: MeshView,
): Meshed {
  const servers = pods.map((pod) => isMeshed(podTemplateOf(pod), pod.namespace, view))
  if (servers.includes('yes')) return 'yes'
  const own = isNamespaceMeshed(service.namespace, view)
  if (own === 'yes') return servers.length > 0 && servers.every((one) => one === 'no') ? 'unknown' : 'yes'
  if (own === 'unknown' || servers.includes('unknown')) return 'unknown'
  return isAnybodyMeshed(view) ? 'unknown' : 'no'
}

/** Are there meshed clients for a server that is none? Something else must be known to be meshed. */
export function clientsOfUnmeshed(namespace: string, view: MeshView): Meshed {
  const mesh = isNamespaceMeshed(namespace, view) !== 'no' || isAnybodyMeshed(view)
  return mesh ? 'unknown' : 'no'
}

/** {@link isMeshed} of a subject: having passed the injector, a Pod without the label is not, whatever was predicted. */
export function isSubjectMeshed(subject: Resource<PodKind>, view: MeshView): Meshed {
  const { metadata } = podTemplateOf(subject)
  const passed = view.stage === 'admitted' && subject.kind === 'Pod'
  return passed && !hasMeshLabel(metadata) ? 'no' : isMeshed(podTemplateOf(subject), subject.namespace, view)
}
