import type { View } from '../../core/view.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { clientsOfUnmeshed } from '../pods/mesh-clients.ts'
import { hasMeshLabel, isMeshed, type Meshed } from '../pods/meshed.ts'
import { canonicalList, portsByGo } from '../port-list.ts'
import { type LinkerdSettings, redirectsEveryPort } from '../settings.ts'
import type { Identified } from './identify-protocol.ts'
import { opaqueReads, type PodSide, podList, podPortsNamed, podSideOf } from './opaque-ports.ts'
import { servicesOf } from './pod-selection.ts'
import { type Outcome, outcomeOf, type Situation } from './server-first.ts'
import { clientsBypass, type DeclaredPort, identifyContainerPort, portsOf } from './server-first-ports.ts'
import { type ContainerPort, portsLeadingTo } from './service-targets.ts'

/** What must be read to know which ports of Pods are open. */
export const openPodReads = [...opaqueReads, 'Service'] as const

export type OpenPodView = View<(typeof openPodReads)[number], LinkerdSettings>

/** A container port on which the server speaks first, and which the Pod does not make opaque (paths P2 and P3). */
export interface OpenPodPort {
  readonly port: DeclaredPort
  readonly identified: Identified
  readonly side: PodSide
  readonly situation: Situation
  readonly outcome: Exclude<Outcome, 'fine'>
}

/** The open ports of a Pod or workload, and the list that closes all that a list can close. */
export interface OpenPod {
  readonly ports: readonly OpenPodPort[]
  readonly template: PodTemplate
  /** The server's Pods are meshed; or, where they surely are not, their clients. */
  readonly meshed: Meshed
  readonly wanted: string | undefined
}

/** By the table of {@link outcomeOf}. Ports for which a Server decides are left out: what it says is its own business. */
export function openPodPorts(subject: Resource<PodKind>, view: OpenPodView): OpenPod | undefined {
  const template = podTemplateOf(subject)
  const { namespace } = subject
  // Having passed the injector, a Pod without the label is not meshed, whatever was predicted.
  const passed = view.stage === 'admitted' && subject.kind === 'Pod'
  const predicted = passed && !hasMeshLabel(template.metadata) ? 'no' : isMeshed(template, namespace, view)
  // Linkerd does not find a Pod by an address that is its host's.
  if (predicted === 'no' && template.spec.hostNetwork === true) return undefined
  const services = servicesOf(template, namespace, view)
  const ports = portsOf(template, services)
  const open = ports.flatMap((port): OpenPodPort[] => {
    const identified = identifyContainerPort(port, template, services, view.settings)
    if (!identified) return []
    const side = podSideOf(template, namespace, port.number, view)
    if (side.unknown || (side.server && !side.skipped)) return []
    const situation = situationOf(subject, predicted !== 'no', side, port, services, view)
    const outcome = outcomeOf(situation)
    return outcome === 'fine' ? [] : [{ port, identified, side, situation, outcome }]
  })
  if (open.length === 0) return undefined
  const meshed = predicted === 'no' ? clientsOfUnmeshed(namespace, view) : predicted
  if (meshed === 'no') return undefined

  const opaque = portsByGo(view.settings.opaquePorts)
  // Without a list, those who dial the Pod take the default ports for opaque: a list must not undo that.
  const now =
    podList(template, namespace, view)?.value ??
    ports
      .filter(({ number }) => hasPort(opaque, number))
      .map(({ number }) => number)
      .join(',')
  const wanted = canonicalList(
    now,
    open.map(({ port }) => port.number),
    (name) => podPortsNamed(template, name),
  )
  return { ports: open, template, meshed, wanted }
}

function situationOf(
  subject: Resource<PodKind>,
  serverMeshed: boolean,
  side: PodSide,
  port: ContainerPort,
  services: readonly Resource<'Service'>[],
  { settings }: OpenPodView,
): Situation {
  const template = podTemplateOf(subject)
  const byAddress = isDialled(subject, services)
  const leading = portsLeadingTo(port.number, template, services)
  return {
    serverMeshed,
    reachedBy: byAddress ? 'address' : leading.length > 0 ? 'service' : 'unknown',
    dialled: side.dialled || clientsBypass(port.number),
    inbound: side.inbound || side.skipped,
    transparent: !redirectsEveryPort(settings),
  }
}

/** Do clients reach these Pods by their own addresses? */
export function isDialled(subject: Resource<PodKind>, services: readonly Resource<'Service'>[]): boolean {
  return hasOwnName(subject, services) || services.some(({ spec }) => spec.clusterIP === 'None')
}

/** The Pods of a StatefulSet have names of their own by its `serviceName`, unless that Service is known not to be headless. */
function hasOwnName(subject: Resource<PodKind>, services: readonly Resource<'Service'>[]): boolean {
  if (subject.kind === 'Pod') return (subject.metadata.ownerReferences ?? []).some((one) => one?.kind === 'StatefulSet')
  if (subject.kind !== 'StatefulSet' || !subject.spec.serviceName) return false
  const governing = services.find(({ name }) => name === subject.spec.serviceName)
  return governing === undefined || governing.spec.clusterIP === 'None'
}
