import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, type Resource } from '../k8s/resource.ts'
import { annotations, goTrue } from '../linkerd/facts.ts'
import { clientsOfService, isSubjectMeshed } from '../linkerd/pods/mesh-clients.ts'
import { namespaceOf } from '../linkerd/pods/meshed.ts'
import { forClients, opaqueReads, podSideOf, serviceList } from '../linkerd/protocols/opaque-ports.ts'
import { selectedBy, servicesOf } from '../linkerd/protocols/pod-selection.ts'
import { identifyContainerPort, portsOf, serverFirstPortsOf } from '../linkerd/protocols/server-first-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

const reads = [...opaqueReads, 'Service'] as const

type PortView = View<(typeof reads)[number], LinkerdSettings>

export const detectTimeoutDisabled = defineRule({
  id: 'detect-timeout-disabled',
  severity: 'warning',
  judges: 'both',
  summary: 'Without a limit, protocol detection on a port where the server speaks first never ends.',
  why: `Detection gives up after 10 seconds. \`config.linkerd.io/proxy-disable-inbound-protocol-detect-timeout\` and its outbound sister do not switch detection off: they raise the limit to 365 days. On
a port where the server speaks first, and which is not opaque, both sides then wait for each other for good: a slow connection becomes one that hangs, without an error and without a line in a log.`,
  remediation:
    'Mark the port opaque on the Pod template and on its Service, and remove the annotation: an opaque port is not detected at all.',
  limits: `Derived from the sources, not observed: the limits are set in the proxy's environment (the real injector was seen to do so). The inbound limit is that of TLS detection, which concerns clients outside the mesh; meshed
clients are recognised at once, and HTTP detection behind it keeps its 10 seconds. For the outbound limit the Services of the input are looked at; whether this Pod calls them is not known, so that a finding has medium
confidence at most. There is no finding where no such port is known.`,
  sources: [
    'linkerd2 charts/partials/templates/_proxy.tpl, LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT (edge-26.8)',
    'linkerd2 pkg/k8s/labels.go, ProxyDisableInboundProtocolDetectTimeout (edge-26.8)',
    'linkerd2-proxy linkerd/app/src/env.rs, linkerd/app/inbound/src/detect.rs',
  ],
  messages: {
    'clients-hang':
      'clients outside the mesh hang for good on port {{port}} ({{protocol}}): {{remedy}}. The server speaks first there, and {{key}} makes the limit of detection 365 days',
    'connections-hang':
      'connections to port {{port}} ({{protocol}}) of {{service}} hang for good: make the port opaque there, with appProtocol: linkerd.io/opaque or in its config.linkerd.io/opaque-ports. The server speaks first, and {{key}} makes the limit of detection 365 days',
  },
  reads,
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    StatefulSet: judge,
  },
})

function* judge(subject: Resource<PodKind>, view: PortView) {
  const inbound = disabled(annotations.disableInboundDetectTimeout, subject, view)
  const outbound = disabled(annotations.disableOutboundDetectTimeout, subject, view)
  if (!inbound && !outbound) return
  const meshed = isSubjectMeshed(subject, view)
  if (meshed === 'no') return
  const grave = meshed === 'yes' ? 'warning' : 'info'
  if (inbound) {
    const key = annotations.disableInboundDetectTimeout
    for (const { number, identified, server } of hangingPorts(subject, view)) {
      const remedy = server
        ? `set proxyProtocol: opaque in Server ${server.name}`
        : `list it in ${annotations.opaquePorts} of the Pod${subject.kind === 'Pod' ? '' : ' template'}`
      const data = { port: number, protocol: identified.protocol.name, remedy, key }
      const confidence = meshed === 'yes' ? 'medium' : 'low'
      yield { message: 'clients-hang', path: inbound, data, confidence, severity: grave } as const
    }
  }
  if (outbound) {
    const key = annotations.disableOutboundDetectTimeout
    for (const { service, port, protocol } of view.derive(detectedServerFirst))
      yield {
        message: 'connections-hang',
        path: outbound,
        data: { port, protocol, service, key },
        confidence: meshed === 'yes' ? 'medium' : 'low',
        severity: grave,
      } as const
  }
}

/** Where the annotation stands that takes the limit away; undefined where none does. */
function disabled(key: string, subject: Resource<PodKind>, view: PortView): Path | undefined {
  const template = podTemplateOf(subject)
  const own = annotationOf(template.metadata, key)
  const metadata: Path = [...template.path, 'metadata']
  if (own !== undefined) return goTrue.has(own) ? [...metadata, 'annotations', key] : undefined
  const inherited = annotationOf(namespaceOf(view, subject.namespace)?.metadata, key)
  return inherited !== undefined && goTrue.has(inherited) ? metadata : undefined
}

/** Server-first ports that the Pod's own proxy detects. */
function hangingPorts(subject: Resource<PodKind>, view: PortView) {
  const template = podTemplateOf(subject)
  const services = servicesOf(template, subject.namespace, view)
  return portsOf(template, services).flatMap((port) => {
    const identified = identifyContainerPort(port, template, services, view.settings)
    if (!identified || identified.by === 'number') return []
    const side = podSideOf(template, subject.namespace, port.number, view)
    if (side.inbound || side.skipped || side.unknown || (side.server && !detects(side.server))) return []
    return [{ number: port.number, identified, server: side.server }]
  })
}

/** A Server that names HTTP sends plaintext there at once: that fails, and does not hang. */
function detects({ spec }: Resource<'Server'>): boolean {
  return ['unknown', 'TLS'].includes(spec.proxyProtocol || 'unknown')
}

/** Ports of the input's Services on which the server speaks first and clients detect. */
function detectedServerFirst(view: PortView) {
  return view.all('Service').flatMap((service) => {
    if (service.spec.type === 'ExternalName' || service.spec.clusterIP === 'None') return []
    const list = serviceList(service, view)
    const pods = selectedBy(service, view)
    if (list.unknown || isUnresolved(service.namespace) || clientsOfService(service, pods, view) === 'no') return []
    return serverFirstPortsOf(service, pods, view.settings).flatMap(({ port, index, identified }) => {
      const way = forClients(service, list, { ...service.spec.ports?.[index], port }, view.settings)
      const open = way === 'detected' || way === 'opaque-at-times'
      if (!open || identified.by === 'number') return []
      return [{ service: describe(service), port, protocol: identified.protocol.name }]
    })
  })
}
