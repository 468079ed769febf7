import type { View } from '../core/view.ts'
import { isUnresolved } from '../k8s/json.ts'
import { containersOf, type PodTemplate } from '../k8s/pod-template.ts'
import { annotationOf, labelsOf, type Resource } from '../k8s/resource.ts'
import { selects } from '../k8s/selector.ts'
import { hasPort } from '../policy/port-set.ts'
import { annotations, defaultSkipPorts } from './facts.ts'
import { injectedOnPod, injectedOnService } from './injected-opaque-ports.ts'
import { isMeshed, type MeshView, meshReads, namespaceOf, reachesInjector } from './meshed.ts'
import { portsByGo, portsByRust } from './port-list.ts'
import type { LinkerdSettings } from './settings.ts'

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
  const { opaquePorts } = view.settings
  // After admission, what is not there was not written.
  const written =
    view.stage === 'declared' && reachesInjector(namespace, service.namespace)
      ? injectedOnService(service.metadata, service.spec, namespace?.metadata, opaquePorts)
      : undefined
  return listOf(written ?? opaquePorts)
}

/** The list in effect for a Pod: its own annotation, else what the injector writes; undefined when there is none. */
export function podList(pod: PodTemplate, namespaceName: string, view: MeshView): EffectiveList | undefined {
  const own = annotationOf(pod.metadata, annotations.opaquePorts)
  if (own !== undefined) return listOf(own)
  const namespace = namespaceOf(view, namespaceName)
  if (!reachesInjector(namespace, namespaceName)) return undefined
  const injected = isMeshed(pod, namespaceName, view) !== 'no'
  const written = injectedOnPod(pod, namespace?.metadata, view.settings.opaquePorts, injected)
  return written === undefined ? undefined : listOf(written)
}

/** Does `appProtocol` make a Service port opaque? Any value but Linkerd's names for HTTP does, from 2.18 on. */
export function isOpaqueByAppProtocol(appProtocol: string | null | undefined, settings: LinkerdSettings): boolean {
  if (appProtocol === undefined || appProtocol === null || settings.minor < 18) return false
  return !['http', 'kubernetes.io/h2c'].includes(appProtocol.toLowerCase())
}

/**
 * Do clients know, by the Service, that this port is opaque? `appProtocol` beats the list. The policy controller's reading
 * of the list is what counts: a port that only destination takes for opaque is so until its last stream closes.
 */
export function isOpaqueForClients(
  list: EffectiveList,
  port: number,
  appProtocol: string | null | undefined,
  settings: LinkerdSettings,
): boolean {
  if (isOpaqueByAppProtocol(appProtocol, settings)) return true
  return hasPort(portsByRust(list.value), port)
}

/** How a container port of a Pod is handled, by those who reach the Pod itself. */
export interface PodSide {
  /** The server's proxy forwards bytes without detection, or never sees them. */
  readonly inbound: boolean
  /** Meshed clients that dial the Pod (headless Services, Pod DNS) know that it is opaque. */
  readonly dialled: boolean
  /** Something that decides it is not known yet (`${VAR}`). */
  readonly unknown: boolean
}

/** {@link PodSide} of one port: annotation, Server, skip list and defaults together. */
export function podSideOf(
  pod: PodTemplate,
  namespaceName: string,
  port: { readonly number: number; readonly name: string | undefined },
  view: OpaqueView,
): PodSide {
  const namespace = namespaceOf(view, namespaceName)
  const effective = (key: string) => annotationOf(pod.metadata, key) ?? annotationOf(namespace?.metadata, key)
  const skip = effective(annotations.skipInboundPorts) ?? defaultSkipPorts
  const skipped = hasPort(portsByGo(skip), port.number)
  const list = podList(pod, namespaceName, view)
  const servers = serversOf(pod, namespaceName, port, view)
  const names = (name: string) => portsNamed(pod, name)
  const dialled = hasPort(portsByGo(list?.value ?? view.settings.opaquePorts, names), port.number)
  const [first] = servers
  return {
    inbound:
      skipped || (first ? first.spec.proxyProtocol === 'opaque' : hasPort(portsByRust(list?.value ?? ''), port.number)),
    dialled: dialled || servers.some((server) => server.spec.proxyProtocol === 'opaque'),
    unknown:
      isUnresolved(skip) || list?.unknown === true || servers.some(({ spec }) => isUnresolved(spec.proxyProtocol)),
  }
}

/** Servers on this port of the Pod: the oldest counts inbound, then the name; destination asks whether any is opaque. */
function serversOf(
  pod: PodTemplate,
  namespaceName: string,
  port: { readonly number: number; readonly name: string | undefined },
  view: View<'Server', LinkerdSettings>,
): Resource<'Server'>[] {
  return view
    .inNamespace('Server', namespaceName)
    .filter(({ spec }) => spec.podSelector != null && selects(spec.podSelector, labelsOf(pod.metadata)))
    .filter(({ spec }) => spec.port === port.number || (port.name !== undefined && spec.port === port.name))
    .toSorted((a, b) =>
      `${a.metadata.creationTimestamp ?? ''}/${a.name}` < `${b.metadata.creationTimestamp ?? ''}/${b.name}` ? -1 : 1,
    )
}

function portsNamed(pod: PodTemplate, name: string): number[] {
  return containersOf(pod.spec)
    .flatMap(({ container }) => container.ports ?? [])
    .filter((port) => port?.name === name)
    .map((port) => port?.containerPort)
    .filter((port) => typeof port === 'number')
    .toArray()
}

/**
 * The list to write so that these ports are opaque and nothing that is opaque now is lost: what is in effect, then what is
 * missing. Undefined when the list in effect holds something that not every component reads: a person must decide then.
 */
export function unionList(list: EffectiveList | undefined, ports: readonly number[]): string | undefined {
  const tokens = (list?.value ?? '')
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '')
  if (!tokens.every((token) => /^\d{1,5}(?:-\d{1,5})?$/.test(token))) return undefined
  const known = portsByRust(tokens.join(','))
  if (tokens.length > 0 && known.length === 0) return undefined
  return [...new Set([...tokens, ...ports.filter((port) => !hasPort(known, port)).map(String)])].join(',')
}
