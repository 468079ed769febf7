import type { Partition } from '../../core/snapshot.ts'
import type { View } from '../../core/view.ts'
import { noPorts, type PortSet, portIntersection, portsOf, portUnion } from '../../policy/port-set.ts'
import type { LinkerdSettings } from '../settings.ts'
import { changedHome, type MeshView } from './meshed.ts'
import { namespacesWithPods, podsIn } from './pod-facts.ts'

/*
 * What is asked of the whole input or cluster, kept by namespace: a change in one does not make it to be found again.
 */

type ServiceView = View<'Service', LinkerdSettings>

/** Is any Pod known to be meshed? */
export function isAnybodyMeshed(view: MeshView): boolean {
  return view.around().maintain(findMeshed, correctMeshed).size > 0
}

/** Does any Pod that is known to be meshed declare one of these ports? */
export function isServedInMesh(ports: PortSet, view: MeshView): boolean {
  const changed = changedHome(view)
  const here = changed === undefined ? noPorts : (declaredIn(changed, view) ?? noPorts)
  return overlap(ports, here) || overlaps(view.around().maintain(findMeshed, correctMeshed), ports, changed)
}

/** Does any Service lead to one of these ports? */
export function isTargeted(ports: PortSet, view: ServiceView): boolean {
  return overlaps(view.around().maintain(findTargets, correctTargets), ports)
}

/** @param except a namespace that is passed over */
function overlaps(byNamespace: ReadonlyMap<string, PortSet>, ports: PortSet, except?: string): boolean {
  for (const [namespace, others] of byNamespace) if (namespace !== except && overlap(ports, others)) return true
  return false
}

function overlap(left: PortSet, right: PortSet): boolean {
  return portIntersection(left, right).length > 0
}

/** Ports that meshed Pods declare, by namespace; namespaces without one are left out. */
function findMeshed(view: MeshView): Map<string, PortSet> {
  const found = new Map<string, PortSet>()
  view.namespacesWith('Namespace')
  for (const namespace of namespacesWithPods(view)) setMeshed(found, namespace, view)
  return found
}

function correctMeshed(found: Map<string, PortSet>, changed: readonly Partition[], view: MeshView): void {
  for (const namespace of new Set(changed.map((place) => place.namespace))) setMeshed(found, namespace, view)
}

function setMeshed(found: Map<string, PortSet>, namespace: string, view: MeshView): void {
  const declared = declaredIn(namespace, view)
  if (declared === undefined) found.delete(namespace)
  else found.set(namespace, declared)
}

/** Ports that meshed Pods of a namespace declare; undefined where there is none. */
function declaredIn(namespace: string, view: MeshView): PortSet | undefined {
  const meshed = podsIn(namespace, view).filter((pod) => pod.meshed === 'yes')
  return meshed.length === 0 ? undefined : portUnion(noPorts, ...meshed.map((pod) => pod.declared))
}

function findTargets(view: ServiceView): Map<string, PortSet> {
  const found = new Map<string, PortSet>()
  for (const namespace of view.namespacesWith('Service')) found.set(namespace, targetsIn(namespace, view))
  return found
}

function correctTargets(found: Map<string, PortSet>, changed: readonly Partition[], view: ServiceView): void {
  for (const { namespace } of changed) found.set(namespace, targetsIn(namespace, view))
}

function targetsIn(namespace: string, view: ServiceView): PortSet {
  const ports = view
    .inNamespace('Service', namespace)
    .filter(({ spec }) => spec.selector != null)
    .flatMap(({ spec }) => spec.ports ?? [])
    .map((port) => port?.targetPort ?? port?.port)
  return portsOf(ports.filter((port) => typeof port === 'number'))
}
