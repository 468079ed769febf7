import type { Fix } from '../core/edit.ts'
import type { Confidence, Severity } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import type { Path } from '../k8s/json.ts'
import { containersOf, type PodKind, type PodTemplate, podTemplateOf } from '../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../k8s/resource.ts'
import { selectsByMap } from '../k8s/selector.ts'
import { annotations } from '../linkerd/facts.ts'
import type { Identified } from '../linkerd/identify-protocol.ts'
import { hasMeshedClients, isSubjectMeshed } from '../linkerd/mesh-clients.ts'
import { isAnybodyMeshed } from '../linkerd/mesh-summary.ts'
import { isNamespaceMeshed, type Meshed } from '../linkerd/meshed.ts'
import {
  forClients,
  opaqueReads,
  type PodSide,
  podList,
  podPortsNamed,
  podSideOf,
  serviceList,
  servicePortsNamed,
} from '../linkerd/opaque-ports.ts'
import { canonicalList, portsByGo } from '../linkerd/port-list.ts'
import { defineRule } from '../linkerd/rule.ts'
import { isSure, outcomeOf, type Situation } from '../linkerd/server-first.ts'
import { clientsBypass, identifyContainerPort, portsOf, serverFirstPortsOf } from '../linkerd/server-first-ports.ts'
import { type ContainerPort, portsLeadingTo, selectedBy } from '../linkerd/service-targets.ts'
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
  limits: `Software is known by its image, or by two weaker signs (a usual number and a usual port name, an environment variable, an argument, a label). A few port numbers that hardly anybody
else uses are worth a warning by themselves. Ports whose names say HTTP, metrics or TLS are left alone: with TLS the client speaks first, except with MySQL and NATS. Where neither the Pod nor anything
in the input is known to be meshed, a finding is information. Clients outside the mesh are a warning: there may be none. So is software of which it depends on its configuration who speaks first.

Routes are not read: a TCPRoute on the port makes it opaque as well. For names outside the cluster only an EgressNetwork or the clients' own annotations count, which are not read either, so that a finding
on an ExternalName Service is information.`,
  sources: [
    'https://linkerd.io/2/features/protocol-detection/',
    'linkerd2 policy-controller/k8s/index/src/outbound/index.rs, inbound/workload.rs (edge-26.8)',
    'linkerd2 pkg/inject/inject.go, CreateOpaquePortsPatch (edge-26.8)',
    'linkerd2-proxy linkerd/app/inbound/src/detect.rs, linkerd/app/outbound/src/protocol.rs',
  ],
  messages: {
    'clients-wait':
      'port {{port}} ({{protocol}}) is not opaque: set {{remedy}}. The server speaks first here, and each connection of a meshed client waits 10 s for its protocol to be detected',
    'opaque-at-times':
      'port {{port}} ({{protocol}}) is opaque at times only: set {{remedy}}. Half of Linkerd cannot read the list as it is; the server speaks first here, and after some idle seconds connections wait 10 s',
    'leads-outside':
      'port {{port}} ({{protocol}}) leads outside the cluster, where meshed clients wait 10 s{{unless}}: add it to config.linkerd.io/skip-outbound-ports of the client Pods, or to config.linkerd.io/opaque-ports of an EgressNetwork. The server speaks first there, and nothing on this Service counts',
    'pod-not-opaque':
      'container port {{port}} ({{protocol}}) is not opaque: set {{remedy}}. The server speaks first: {{effect}}',
    'unmeshed-clients-dropped':
      'container port {{port}} ({{protocol}}) is not opaque: set {{remedy}}. The server speaks first: {{effect}}',
    'server-not-opaque':
      'container port {{port}} ({{protocol}}) is not opaque: set proxyProtocol: opaque in Server {{server}}, whose proxyProtocol {{says}} overrules the Pod. The server speaks first: {{effect}}',
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

/**
 * Path P1: meshed clients of a ClusterIP Service learn what a port is from the Service alone. Names of Pods (headless) and
 * names outside the cluster (P4) resolve to addresses behind which nobody looks at the Service.
 */
function* judgeService(service: Resource<'Service'>, view: PortView) {
  const { spec } = service
  if (spec.type === 'ExternalName') return yield* judgeExternalName(service, view)
  if (spec.clusterIP === 'None') return
  const list = serviceList(service, view)
  if (list.unknown) return
  const pods = selectedBy(service, view)
  const open = serverFirstPortsOf(service, pods, view.settings).flatMap((one) => {
    const port = spec.ports?.[one.index] ?? {}
    const way = forClients(service, list, { ...port, port: one.port }, view.settings)
    return way === 'opaque' || way === 'http' ? [] : [{ ...one, way }]
  })
  if (open.length === 0) return
  const meshed = hasMeshedClients(service, pods, view)
  if (meshed === 'no') return
  const ports = open.map(({ port }) => port)
  const wanted = canonicalList(list.value, ports, (name) => (name === '' ? [] : servicePortsNamed(service, name)))
  const fix = fixFor(wanted, ['metadata', 'annotations', annotations.opaquePorts])
  for (const { port, index, identified, way } of open) {
    const confidence = confidenceOf(meshed, identified)
    const byProtocol = view.settings.minor < 18 ? '' : 'appProtocol: linkerd.io/opaque on the port, or '
    const data = { port, protocol: identified.protocol.name, remedy: byProtocol + listInWords(wanted, port) }
    const message = way === 'opaque-at-times' ? way : 'clients-wait'
    yield { message, path: ['spec', 'ports', index], data, confidence, severity: severityOf[confidence], fix } as const
  }
}

/** Path P4: the address is that of the name, and only the client's side is Linkerd's. */
function* judgeExternalName(service: Resource<'Service'>, view: PortView) {
  if (hasMeshedClients(service, [], view) === 'no') return
  const opaque = portsByGo(view.settings.opaquePorts)
  for (const { port, index, identified } of serverFirstPortsOf(service, [], view.settings)) {
    // The default list counts for addresses inside Linkerd's clusterNetworks.
    const unless = hasPort(opaque, port) ? ', unless its address is private' : ''
    const data = { port, protocol: identified.protocol.name, unless }
    yield {
      message: 'leads-outside',
      path: ['spec', 'ports', index],
      data,
      confidence: 'low',
      severity: 'info',
    } as const
  }
}

/** Paths P2 and P3, by the table of {@link outcomeOf}: those who dial the Pod, and the proxy beside the server. */
function* judgePods(subject: Resource<PodKind>, view: PortView) {
  const template = podTemplateOf(subject)
  const { namespace } = subject
  const predicted = isSubjectMeshed(subject, view)
  // Linkerd does not find a Pod by an address that is its host's.
  if (predicted === 'no' && template.spec.hostNetwork === true) return
  const services = view
    .inNamespace('Service', namespace)
    .filter((service) => selectsByMap(service.spec.selector, labelsOf(template.metadata)))
  const ports = portsOf(template, services)
  const open = ports.flatMap((port) => {
    const identified = identifyContainerPort(port, template, services, view.settings)
    if (!identified) return []
    const side = podSideOf(template, namespace, port.number, view)
    if (side.unknown) return []
    const situation = situationOf(subject, predicted !== 'no', side, port, services, view)
    const outcome = outcomeOf(situation)
    return outcome === 'fine' ? [] : [{ port, identified, side, situation, outcome }]
  })
  if (open.length === 0) return
  const meshed = predicted === 'no' ? meshedClients(subject, view) : predicted
  if (meshed === 'no') return

  const opaque = portsByGo(view.settings.opaquePorts)
  const list = podList(template, namespace, view)
  // Without a list, those who dial the Pod take the default ports for opaque: a list must not undo that.
  const now =
    list?.value ??
    ports
      .filter(({ number }) => hasPort(opaque, number))
      .map(({ number }) => number)
      .join(',')
  const curable = open.filter(({ side }) => !overruled(side)).map(({ port }) => port.number)
  const wanted = canonicalList(now, curable, (name) => podPortsNamed(template, name))
  const listFix = fixFor(wanted, [...template.path, 'metadata', 'annotations', annotations.opaquePorts])
  for (const { port, identified, side, situation, outcome } of open) {
    const bypassing = clientsBypass(port.number)
    const known = confidenceOf(meshed, identified)
    const confidence = known === 'high' && !isSure(outcome, situation) && !bypassing ? 'medium' : known
    const common = {
      path: placeOf(template, port),
      confidence,
      severity: severityOf[confidence],
    } as const
    const data = {
      port: port.number,
      protocol: identified.protocol.name,
      effect: effectOf(outcome, situation, bypassing),
    }
    if (overruled(side)) {
      const { name, spec } = side.server
      const says = spec.proxyProtocol || 'unknown'
      yield { message: 'server-not-opaque', data: { ...data, server: name, says }, ...common } as const
      continue
    }
    const remedy = `${listInWords(wanted, port.number)} on ${subject.kind === 'Pod' ? 'the Pod' : 'the Pod template'}`
    const message = outcome === 'unmeshed-clients-dropped' ? outcome : 'pod-not-opaque'
    yield { message, data: { ...data, remedy }, fix: listFix, ...common } as const
  }
}

/** Does a Server decide, so that no list on the Pod cures it? */
function overruled(side: PodSide): side is PodSide & { readonly server: Resource<'Server'> } {
  return side.server !== undefined && !side.inbound && !side.skipped
}

function situationOf(
  subject: Resource<PodKind>,
  serverMeshed: boolean,
  side: PodSide,
  port: ContainerPort,
  services: readonly Resource<'Service'>[],
  { settings }: PortView,
): Situation {
  const template = podTemplateOf(subject)
  const byAddress = hasOwnName(subject, services) || services.some(({ spec }) => spec.clusterIP === 'None')
  const leading = portsLeadingTo(port.number, template, services)
  return {
    serverMeshed,
    reachedBy: byAddress ? 'address' : leading.length > 0 ? 'service' : 'unknown',
    dialled: side.dialled || clientsBypass(port.number),
    inbound: side.inbound || side.skipped,
    transparent: settings.transportMode === 'transparent' || settings.minor < 18,
  }
}

/** The Pods of a StatefulSet have names of their own by its `serviceName`, unless that Service is known not to be headless. */
function hasOwnName(subject: Resource<PodKind>, services: readonly Resource<'Service'>[]): boolean {
  if (subject.kind === 'Pod') return (subject.metadata.ownerReferences ?? []).some((one) => one?.kind === 'StatefulSet')
  if (subject.kind !== 'StatefulSet' || !subject.spec.serviceName) return false
  const governing = services.find(({ name }) => name === subject.spec.serviceName)
  return governing === undefined || governing.spec.clusterIP === 'None'
}

/** Are there meshed clients for a server that is none? Something else must be known to be meshed. */
function meshedClients(subject: Resource<PodKind>, view: PortView): Meshed {
  const mesh = isNamespaceMeshed(subject.namespace, view) !== 'no' || isAnybodyMeshed(view)
  return mesh ? 'unknown' : 'no'
}

function effectOf(outcome: ReturnType<typeof outcomeOf>, situation: Situation, bypassing: boolean): string {
  const closed = 'are closed after 10 s without a byte'
  if (outcome === 'unmeshed-clients-dropped')
    return bypassing
      ? `clients, which bypass their proxy here by default, ${closed}`
      : `clients outside the mesh ${closed}`
  const who = outcome === 'all-clients-wait' ? 'of any Service' : 'that dial the Pod itself (headless, Pod DNS)'
  const others = situation.serverMeshed && !situation.inbound ? `, those outside the mesh ${closed}` : ''
  return `meshed clients ${who} wait 10 s${others}`
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

/** What to type: the whole list, because it replaces what is in effect. */
function listInWords(list: string | undefined, port: number): string {
  if (list !== undefined) return `${annotations.opaquePorts}: "${list}"`
  return `${annotations.opaquePorts} to numbers only, ${port} among them (as it is, nobody reads it whole)`
}

/** An error needs a mesh and software that are both known; a number alone is a warning at most. */
function confidenceOf(meshed: Meshed, { by, protocol }: Identified): Confidence {
  if (meshed !== 'yes' || protocol.evidence === 'low') return 'low'
  return by === 'number' || protocol.evidence === 'medium' ? 'medium' : 'high'
}

const severityOf: Readonly<Record<Confidence, Severity>> = { high: 'error', medium: 'warning', low: 'info' }
