import { isUnresolved } from '../../k8s/json.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { defaultSkipPorts } from '../facts.ts'
import { portsByGo } from '../port-list.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type Identified, identifyProtocol } from './identify-protocol.ts'
import { isHttp } from './opaque-ports.ts'
import {
  type ContainerPort,
  declaredPorts,
  isTcp,
  portsLeadingTo,
  type ServicePort,
  targetOf,
} from './service-targets.ts'

/** A Service port on which the server speaks first. */
export interface ServerFirstPort {
  readonly port: number
  readonly index: number
  readonly identified: Identified
}

/** Ports of the Service on which the server speaks first and the client's proxy has a say. */
export function serverFirstPortsOf(
  service: Resource<'Service'>,
  pods: readonly Resource<PodKind>[],
  settings: LinkerdSettings,
): ServerFirstPort[] {
  return [...(service.spec.ports ?? [])].flatMap((port, index) => {
    if (port === null || !isTcp(port) || typeof port.port !== 'number') return []
    if (isUnresolved(port.appProtocol) || isUnresolved(port.targetPort) || isHttp(port.appProtocol)) return []
    // Clients skip these unless their own annotation says otherwise.
    if (clientsBypass(port.port)) return []
    const identified = identifyServicePort(port, port.port, pods, service, settings)
    return identified?.protocol.class === 'server-first' ? [{ port: port.port, index, identified }] : []
  })
}

/** By the containers behind the port; by the Service's own words where no Pod of it is known. */
function identifyServicePort(
  port: ServicePort,
  number: number,
  pods: readonly Resource<PodKind>[],
  service: Resource<'Service'>,
  settings: LinkerdSettings,
): Identified | undefined {
  const name = port.name ?? undefined
  if (pods.length === 0) {
    const byTarget = typeof port.targetPort === 'number' && port.targetPort !== 0 ? port.targetPort : number
    if (isProxyPort(byTarget, settings)) return undefined
    return identifyProtocol({ number: byTarget, name, labels: labelsOf(service.metadata) }, settings)
  }
  for (const pod of pods) {
    const template = podTemplateOf(pod)
    const target = targetOf(port, template)
    if (!target || isProxyPort(target.number, settings)) continue
    const labels = labelsOf(template.metadata)
    // What the Service calls its port can say it, and can rule it out.
    const named = identifyProtocol({ ...target, name, labels }, settings)
    const identified = identifyProtocol({ ...target, labels }, settings) ?? named
    if (identified && (named || name === undefined)) return identified
  }
  return undefined
}

/** Ports that the proxy itself listens on: what the application does there never arrives. */
function isProxyPort(number: number, settings: LinkerdSettings): boolean {
  return [settings.inboundPort, settings.adminPort, settings.controlPort].includes(number)
}

/** Declared ports, and those that Services lead to without a declaration. */
export function portsOf(template: PodTemplate, services: readonly Resource<'Service'>[]): DeclaredPort[] {
  const ports: DeclaredPort[] = declaredPorts(template).map((port) => ({ ...port, declared: true }))
  for (const service of services)
    for (const port of service.spec.ports ?? []) {
      const target = port && isTcp(port) ? targetOf(port, template) : undefined
      if (target && !ports.some(({ number }) => number === target.number))
        ports.push({ ...target, name: target.name ?? port?.name ?? undefined, declared: false })
    }
  return ports.filter((port, i) => ports.findIndex(({ number }) => number === port.number) === i)
}

export interface DeclaredPort extends ContainerPort {
  /** By the container; otherwise a Service says so, and the name is the Service's. */
  readonly declared: boolean
}

/**
 * The server-first protocol of a container port, unless a Service that leads there calls it HTTP. A number alone says nothing
 * of a port that no container declares: the Service may belong to other Pods.
 */
export function identifyContainerPort(
  port: DeclaredPort,
  template: PodTemplate,
  services: readonly Resource<'Service'>[],
  settings: LinkerdSettings,
): Identified | undefined {
  if (isProxyPort(port.number, settings)) return undefined
  const identified = identifyProtocol({ ...port, labels: labelsOf(template.metadata) }, settings)
  if (identified?.protocol.class !== 'server-first') return undefined
  if (identified.by === 'number' && !port.declared) return undefined
  const leading = portsLeadingTo(port.number, template, services)
  return leading.some(({ appProtocol }) => isHttp(appProtocol)) ? undefined : identified
}

/** By default clients do not hand this port to their proxy. */
export function clientsBypass(number: number): boolean {
  return hasPort(portsByGo(defaultSkipPorts), number)
}
