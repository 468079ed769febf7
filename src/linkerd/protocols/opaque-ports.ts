import type { View } from '../../core/view.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { containersOf, type PodTemplate } from '../../k8s/pod-template.ts'
import { ageAndName, annotationOf, type Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { annotations, defaultSkipPorts } from '../facts.ts'
import { injectedOnPod, injectedOnService } from '../injection/injected-opaque-ports.ts'
import { isMeshed, type MeshView, meshReads, namespaceOf, seesPods, seesService } from '../pods/meshed.ts'
import { portsByGo, portsByInit, portsByRust } from '../port-list.ts'
import type { LinkerdSettings } from '../settings.ts'
import { serversOf } from './pod-selection.ts'

/** What must be read to know which ports of a Pod are opaque. */
export const opaqueReads = [...meshReads, 'Server'] as const

export type OpaqueView = View<(typeof opaqueReads)[number], LinkerdSettings>

/** An opaque-ports list that is in effect. */
export interface EffectiveList {
  /** The tokens as they are, or as the injector or the run time supplies them. */
  readonly value: string
  /** It still holds `${VAR}`. */
  readonly unknown: boolean
}

function listOf(value: string): EffectiveList {
  return { value, unknown: isUnresolved(value) }
}

/**
 * The list in effect for clients of a Service (outbound policy): its own annotation, else what the injector writes when the
 * Service is created, else the whole default list. A list replaces the defaults; it never adds to them.
 */
export function serviceList(service: Resource<'Service'>, view: View<'Namespace', LinkerdSettings>): EffectiveList {
  const own = annotationOf(service.metadata, annotations.opaquePorts)
  if (own !== undefined) return listOf(own)
  const namespace = namespaceOf(view, service.namespace)
  // After admission, what is not there was not written.
  const written =
    view.stage === 'declared' && seesService(service, view)
      ? injectedOnService(service.metadata, service.spec, namespace?.metadata, view.settings).list
      : undefined
  return listOf(written ?? view.settings.opaquePorts)
}

/** The list in effect for a Pod: its own annotation, else what the injector writes; undefined when there is none. */
export function podList(pod: PodTemplate, namespaceName: string, view: MeshView): EffectiveList | undefined {
  const own = annotationOf(pod.metadata, annotations.opaquePorts)
  if (own !== undefined) return listOf(own)
  const namespace = namespaceOf(view, namespaceName)
  // A Pod, unlike the template of a workload, has passed the injector once it is admitted.
  const passed = view.stage === 'admitted' && pod.path.length === 0
  if (passed || !seesPods(pod, namespaceName, view)) return undefined
  const injected = isMeshed(pod, namespaceName, view) !== 'no'
  const { list } = injectedOnPod(pod, namespace?.metadata, view.settings, injected)
  return list === undefined ? undefined : listOf(list)
}

/**
 * What `appProtocol` makes of a Service port, from 2.18 on (linkerd2 policy-controller/core/src/outbound.rs): Linkerd's two
 * names for HTTP, in any case, are HTTP; any other value is opaque; without one the opaque-ports list is asked.
 */
function byAppProtocol(value: string | null | undefined, { minor }: LinkerdSettings): 'opaque' | 'http' | undefined {
  if (value === undefined || value === null || minor < 18) return undefined
  return isHttp(value) ? 'http' : 'opaque'
}

/** Does this `appProtocol` say HTTP in a word that Linkerd knows? */
export function isHttp(appProtocol: string | null | undefined): boolean {
  return ['http', 'kubernetes.io/h2c'].includes((appProtocol ?? '').toLowerCase())
}

/** How clients of a Service treat a port of it. */
export type ForClients =
  /** As bytes, at once. */
  | 'opaque'
  /** They detect its protocol. */
  | 'detected'
  /** As HTTP, without detection. */
  | 'http'
  /** Only destination reads it so: opaque until its last stream for the Service closes, a few seconds after the last use. */
  | 'opaque-at-times'

/**
 * What clients learn of a port from the Service. `appProtocol` beats the list. The policy controller's reading of the list
 * is what counts; destination's is good for a while only (seen on the real proxies: 0.05 s at first, 10 s after a pause).
 */
export function forClients(
  service: Resource<'Service'>,
  list: EffectiveList,
  port: { readonly port: number; readonly appProtocol?: string | null | undefined },
  settings: LinkerdSettings,
): ForClients {
  const declared = byAppProtocol(port.appProtocol, settings)
  if (declared) return declared
  if (hasPort(portsByRust(list.value), port.port)) return 'opaque'
  const byDestination = portsByGo(list.value, (name) => servicePortsNamed(service, name))
  return hasPort(byDestination, port.port) ? 'opaque-at-times' : 'detected'
}

/** The Service's ports of that name. */
export function servicePortsNamed(service: Resource<'Service'>, name: string): number[] {
  return (service.spec.ports ?? [])
    .filter((port) => (port?.name ?? '') === name)
    .map((port) => port?.port)
    .filter((port) => typeof port === 'number')
}

/** How a container port of a Pod is handled, by those who reach the Pod itself. */
export interface PodSide {
  /** `skip-inbound-ports`: the server's proxy never sees the connection. */
  readonly skipped: boolean
  /** Meshed clients connect past the proxies: destination reads the Pod's annotation, but not the cluster's own list. */
  readonly skippedByClients: boolean
  /** The server's proxy forwards bytes without detection: what the policy controller says. */
  readonly inbound: boolean
  /** Meshed clients that dial the Pod (headless Services, Pod DNS) know that it is opaque: what destination says. */
  readonly dialled: boolean
  /** The Server that decides inbound in place of the Pod's list. */
  readonly server: Resource<'Server'> | undefined
  /** Something that decides it is not known yet (`${VAR}`). */
  readonly unknown: boolean
}

/** {@link PodSide} of one port: annotation, Server, skip list and defaults together. */
export function podSideOf(pod: PodTemplate, namespaceName: string, port: number, view: OpaqueView): PodSide {
  const inherited = namespaceOf(view, namespaceName)?.metadata
  const skipInbound =
    annotationOf(pod.metadata, annotations.skipInboundPorts) ?? annotationOf(inherited, annotations.skipInboundPorts)
  const skip = skipInbound ?? defaultSkipPorts
  const list = podList(pod, namespaceName, view)
  const servers = serversOn(port, pod, namespaceName, view)
  const server = servers.find(({ spec }) => isOn(spec.port, port, (name) => podPortsNamed(pod, name, 'TCP')))
  const byName = podPortsByName(pod)
  const named = (name: string) => byName.get(name) ?? []
  const listed = portsByGo(list?.value ?? view.settings.opaquePorts, named)
  return {
    skipped: hasPort(portsByInit(skip), port),
    skippedByClients: hasPort(portsByGo(skipInbound ?? '', named), port),
    inbound: server ? server.spec.proxyProtocol === 'opaque' : hasPort(portsByRust(list?.value ?? ''), port),
    dialled: hasPort(listed, port) || servers.some(({ spec }) => spec.proxyProtocol === 'opaque'),
    server,
    unknown:
      isUnresolved(skip) || list?.unknown === true || servers.some(({ spec }) => isUnresolved(spec.proxyProtocol)),
  }
}

/** Servers on this port of the Pod for destination, which asks whether any is opaque. Inbound the oldest counts, then the name. */
function serversOn(
  port: number,
  pod: PodTemplate,
  namespaceName: string,
  view: View<'Server', LinkerdSettings>,
): Resource<'Server'>[] {
  return serversOf(pod, namespaceName, view)
    .filter(({ spec }) => isOn(spec.port, port, (name) => podPortsNamed(pod, name)))
    .toSorted((a, b) => (ageAndName(a) < ageAndName(b) ? -1 : 1))
}

function isOn(
  wanted: number | string | null | undefined,
  port: number,
  named: (name: string) => readonly number[],
): boolean {
  return typeof wanted === 'string' ? named(wanted).includes(port) : wanted === port
}

/**
 * The ports that the Pod's containers declare under that name. For destination UDP ports have names, too; the policy
 * controller knows those of TCP only.
 */
export function podPortsNamed(pod: Pick<PodTemplate, 'spec'>, name: string, protocol?: 'TCP'): readonly number[] {
  return podPortsByName(pod, protocol).get(name) ?? []
}

/** The same for every name there is. */
function podPortsByName(pod: Pick<PodTemplate, 'spec'>, protocol?: 'TCP'): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>()
  for (const { container } of containersOf(pod.spec))
    for (const port of container.ports ?? []) {
      const { name, containerPort } = port ?? {}
      if (typeof name !== 'string' || typeof containerPort !== 'number') continue
      if (protocol !== undefined && (port?.protocol ?? 'TCP') !== protocol) continue
      const others = found.get(name)
      if (others) others.push(containerPort)
      else found.set(name, [containerPort])
    }
  return found
}
