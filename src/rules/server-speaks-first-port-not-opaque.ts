import type { Fix } from '../core/edit.ts'
import type { Confidence, Severity } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { containersOf, type PodKind, type PodTemplate, podTemplateOf } from '../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../k8s/resource.ts'
import { selectsByMap } from '../k8s/selector.ts'
import { annotations, defaultSkipPorts } from '../linkerd/facts.ts'
import { type Identified, identifyProtocol } from '../linkerd/identify-protocol.ts'
import { isMeshed, type Meshed } from '../linkerd/meshed.ts'
import { isOpaqueForClients, opaqueReads, podList, podSideOf, serviceList, unionList } from '../linkerd/opaque-ports.ts'
import { podsByNamespace } from '../linkerd/pod-facts.ts'
import { portsByGo } from '../linkerd/port-list.ts'
import { defineRule } from '../linkerd/rule.ts'
import {
  type ContainerPort,
  declaredPorts,
  type ServicePort,
  selectedBy,
  targetOf,
} from '../linkerd/service-targets.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { hasPort } from '../policy/port-set.ts'

const reads = [...opaqueReads, 'Service'] as const

type PortView = View<(typeof reads)[number], LinkerdSettings>

export const serverSpeaksFirstPortNotOpaque = defineRule({
  id: 'server-speaks-first-port-not-opaque',
  severity: 'error',
  judges: 'both',
  summary: 'A port on which the server speaks first must be marked opaque, or each connection waits ten seconds.',
  why: `Linkerd learns a connection's protocol from its first bytes, and expects them from the client. With MySQL, NATS, SMTP and others the client waits for the server to greet.
Then both wait until detection gives up, 10 seconds for every connection. A proxy on the client's side then goes on; one on the server's side, for a client outside the mesh, closes the
connection without a byte.

Both sides must know, and they learn it from different places: clients of a Service from the Service (its annotation or \`appProtocol\`), clients that dial a Pod (headless
Services, StatefulSet names) and the server's own proxy from the Pod. \`config.linkerd.io/opaque-ports\` **replaces** the default list, so a list for one port can break another.`,
  remediation:
    'On a Service, set appProtocol: linkerd.io/opaque on the port (Linkerd 2.18), or list its port in config.linkerd.io/opaque-ports together with the ports that are opaque already. ' +
    'On the Pod template, list the container port in the same annotation.',
  limits: `Software is known by its image, or by two weaker signs (a usual number and a usual port name, an environment variable, a label). A few port numbers that hardly anybody else uses
are worth a warning by themselves. Ports whose names say HTTP, metrics or TLS are left alone: with TLS the client speaks first. Where neither the Pod nor anything in the input is known to be
meshed, a finding is information. Clients outside the mesh are a warning: there may be none.`,
  sources: [
    'https://linkerd.io/2/features/protocol-detection/',
    'linkerd2 policy-controller/k8s/index/src/outbound/index.rs, inbound/workload.rs (edge-26.8)',
    'linkerd2 pkg/inject/inject.go, CreateOpaquePortsPatch (edge-26.8)',
    'linkerd2-proxy linkerd/app/inbound/src/detect.rs, linkerd/app/outbound/src/protocol.rs',
  ],
  messages: {
    'clients-wait':
      'port {{port}} ({{protocol}}) is server-speaks-first and not opaque here: each meshed connection waits 10 s. Set appProtocol: linkerd.io/opaque, or add {{port}} to config.linkerd.io/opaque-ports',
    'pod-not-opaque':
      'container port {{port}} ({{protocol}}) is server-speaks-first and not opaque: meshed clients {{how}} wait 10 s, others are closed after 10 s. Add {{port}} to config.linkerd.io/opaque-ports of the Pod template',
    'unmeshed-clients-dropped':
      'container port {{port}} ({{protocol}}) is server-speaks-first and not opaque on the Pod: clients outside the mesh are closed after 10 s. Add {{port}} to config.linkerd.io/opaque-ports of the Pod template',
  },
  reads,
  check: {
    Service: judgeService,
    CronJob: judgePods,
    DaemonSet: judgePods,
    Deployment: judgePods,
    Job: judgePods,
    Pod: judgePods,
    ReplicaSet: judgePods,
    ReplicationController: judgePods,
    StatefulSet: judgePods,
  },
})

/** Path P1: meshed clients of a ClusterIP Service learn what a port is from the Service alone. */
function* judgeService(service: Resource<'Service'>, view: PortView) {
  const { spec } = service
  // Names resolve to Pods, or leave the cluster: the Service's own settings have no say.
  if (spec.clusterIP === 'None' || spec.type === 'ExternalName') return
  const list = serviceList(service, view)
  if (list.unknown) return
  const pods = selectedBy(service, view)
  const waiting = [...(spec.ports ?? [])].flatMap((port, index) => {
    if (port === null || (port.protocol ?? 'TCP') !== 'TCP' || typeof port.port !== 'number') return []
    if (isUnresolved(port.appProtocol) || isUnresolved(port.targetPort) || saysHttp(port)) return []
    if (isOpaqueForClients(list, port.port, port.appProtocol, view.settings)) return []
    // Clients skip these unless their own annotation says otherwise.
    if (hasPort(portsByGo(defaultSkipPorts), port.port)) return []
    const identified = identifyServicePort(port, port.port, pods, service)
    return identified ? [{ port: port.port, index, identified }] : []
  })
  if (waiting.length === 0) return
  const meshed = meshOf(service, pods, view)
  if (meshed === 'no') return
  const fix = fixFor(
    unionList(
      list,
      waiting.map(({ port }) => port),
    ),
    ['metadata', 'annotations', annotations.opaquePorts],
  )
  for (const { port, index, identified } of waiting) {
    const confidence = confidenceOf(meshed, identified)
    const data = { port, protocol: identified.protocol.name }
    yield {
      message: 'clients-wait',
      path: ['spec', 'ports', index],
      data,
      confidence,
      severity: severityOf[confidence],
      fix,
    } as const
  }
}

/** The author calls it HTTP: then the server does not speak first, or much else is wrong. */
function saysHttp({ appProtocol }: ServicePort): boolean {
  return ['http', 'kubernetes.io/h2c'].includes((appProtocol ?? '').toLowerCase())
}

/** By the containers behind the port; by the Service's own words where no Pod of it is known. */
function identifyServicePort(
  port: ServicePort,
  number: number,
  pods: readonly Resource<PodKind>[],
  service: Resource<'Service'>,
): Identified | undefined {
  const name = port.name ?? undefined
  if (pods.length === 0) {
    const target = port.targetPort ?? number
    const byTarget = typeof target === 'number' ? target : number
    return identifyProtocol({ number: byTarget, name, labels: labelsOf(service.metadata) })
  }
  for (const pod of pods) {
    const template = podTemplateOf(pod)
    const target = targetOf(port, template)
    if (!target) continue
    const labels = labelsOf(template.metadata)
    const identified = identifyProtocol({ ...target, labels }) ?? identifyProtocol({ ...target, name, labels })
    // What the Service calls its port can rule a protocol out, too.
    if (identified && identifyProtocol({ ...target, name, labels })) return identified
  }
  return undefined
}

/**
 * Are there meshed clients for this Service? Those behind it that are meshed say so; an unmeshed server has them too when
 * anything else is known to be meshed.
 */
function meshOf(service: Resource<'Service'>, pods: readonly Resource<PodKind>[], view: PortView): Meshed {
  const servers = pods.map((pod) => isMeshed(podTemplateOf(pod), pod.namespace, view))
  if (servers.includes('yes')) return 'yes'
  const own = isMeshed({ metadata: {}, spec: {}, path: [] }, service.namespace, view)
  if (own === 'yes') return servers.length > 0 && servers.every((one) => one === 'no') ? 'unknown' : 'yes'
  if (own === 'unknown' || servers.includes('unknown')) return 'unknown'
  return view.derive(anythingMeshed) ? 'unknown' : 'no'
}

function anythingMeshed(view: PortView): boolean {
  return [...podsByNamespace(view).values()].flat().some((pod) => pod.meshed === 'yes')
}

/**
 * Paths P2 and P3: those who dial the Pod, and the proxy beside the server, learn it from the Pod.
 *
 * | opaque on the Pod | reached by             | message, severity at high confidence                          |
 * |-------------------|------------------------|---------------------------------------------------------------|
 * | no                | headless, StatefulSet  | pod-not-opaque, error: every meshed client waits              |
 * | no                | transparent mode       | pod-not-opaque, error: the server's proxy detects, too        |
 * | no                | no Service in the view | pod-not-opaque, warning: the Service may be elsewhere         |
 * | no                | ClusterIP              | unmeshed-clients-dropped, warning: the Service has its own say |
 * | yes               | any                    | silent                                                        |
 */
function* judgePods(subject: Resource<PodKind>, view: PortView) {
  const template = podTemplateOf(subject)
  const meshed = isMeshed(template, subject.namespace, view)
  if (meshed === 'no') return
  const services = view
    .inNamespace('Service', subject.namespace)
    .filter((service) => selectsByMap(service.spec.selector, labelsOf(template.metadata)))
  const open = portsOf(template, services).flatMap((port) => {
    const identified = identifyProtocol({ ...port, labels: labelsOf(template.metadata) })
    if (!identified || portsLeadingTo(port, template, services).some(saysHttp)) return []
    const side = podSideOf(template, subject.namespace, port, view)
    if (side.unknown || side.inbound) return []
    return [{ ...port, identified, side }]
  })
  if (open.length === 0) return
  const list = podList(template, subject.namespace, view)
  const path = [...template.path, 'metadata', 'annotations', annotations.opaquePorts]
  const fix = fixFor(
    unionList(
      list,
      open.map(({ number }) => number),
    ),
    path,
  )
  for (const { identified, side, ...port } of open) {
    const known = confidenceOf(meshed, identified)
    const { message, confidence, how } = gravityOf(subject, port, services, side.dialled, known, view)
    const severity: Severity = severityOf[confidence]
    const data = { port: port.number, protocol: identified.protocol.name }
    const place = placeOf(template, port)
    if (message === 'pod-not-opaque')
      yield { message, path: place, data: { ...data, how }, confidence, severity, fix } as const
    else yield { message, path: place, data, confidence, severity, fix } as const
  }
}

/** Declared ports, and those that Services lead to without a declaration. */
function portsOf(template: PodTemplate, services: readonly Resource<'Service'>[]): ContainerPort[] {
  const ports = declaredPorts(template)
  for (const service of services)
    for (const port of service.spec.ports ?? []) {
      const target = port && (port.protocol ?? 'TCP') === 'TCP' ? targetOf(port, template) : undefined
      if (target && !ports.some(({ number }) => number === target.number))
        ports.push({ ...target, name: target.name ?? port?.name ?? undefined })
    }
  return ports.filter((port, i) => ports.findIndex(({ number }) => number === port.number) === i)
}

function gravityOf(
  subject: Resource<PodKind>,
  port: ContainerPort,
  services: readonly Resource<'Service'>[],
  dialled: boolean,
  known: Confidence,
  view: PortView,
): { message: 'pod-not-opaque' | 'unmeshed-clients-dropped'; confidence: Confidence; how: string } {
  const template = podTemplateOf(subject)
  const leading = services.filter((service) => portsLeadingTo(port, template, [service]).length > 0)
  const warning: Confidence = known === 'low' ? 'low' : 'medium'
  if (view.settings.transportMode === 'transparent' || view.settings.minor < 18)
    return { message: 'pod-not-opaque', confidence: known, how: 'of any Service' }
  const headless = subject.kind === 'StatefulSet' || leading.some((service) => service.spec.clusterIP === 'None')
  if (headless && !dialled)
    return { message: 'pod-not-opaque', confidence: known, how: 'that dial the Pod by its own name' }
  if (leading.length === 0 && !dialled)
    return { message: 'pod-not-opaque', confidence: warning, how: 'that dial the Pod' }
  return { message: 'unmeshed-clients-dropped', confidence: warning, how: '' }
}

function portsLeadingTo(
  port: ContainerPort,
  pod: PodTemplate,
  services: readonly Resource<'Service'>[],
): ServicePort[] {
  return services
    .flatMap((service) => service.spec.ports ?? [])
    .filter((one) => one !== null)
    .filter((one) => targetOf(one, pod)?.number === port.number)
}

/** The port's declaration, or the container that serves it. */
function placeOf(template: PodTemplate, { number, container }: ContainerPort): Path {
  const placed = containersOf(template.spec).find((one) => one.container === container)
  const index = (container.ports ?? []).findIndex((port) => port?.containerPort === number)
  const path = [...template.path, ...(placed?.path ?? ['spec'])]
  return index < 0 ? path : [...path, 'ports', index]
}

function fixFor(list: string | undefined, path: Path): Fix | undefined {
  if (list === undefined) return undefined
  return { title: `set ${annotations.opaquePorts}: "${list}"`, edits: [{ op: 'set', path, value: list }] }
}

/** An error needs a mesh and software that are both known; a number alone is a warning at most. */
function confidenceOf(meshed: Meshed, { by }: Identified): Confidence {
  if (meshed !== 'yes') return 'low'
  return by === 'number' ? 'medium' : 'high'
}

const severityOf: Readonly<Record<Confidence, Severity>> = { high: 'error', medium: 'warning', low: 'info' }
