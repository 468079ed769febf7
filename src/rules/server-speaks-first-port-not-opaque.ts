import type { View } from '../core/view.ts'
import type { PodKind } from '../k8s/pod-template.ts'
import type { Resource } from '../k8s/resource.ts'
import { clientsOfService } from '../linkerd/pods/mesh-clients.ts'
import { portsByGo } from '../linkerd/port-list.ts'
import { confidenceIn, severityOf } from '../linkerd/protocols/certainty.ts'
import { containerPortPath } from '../linkerd/protocols/container-port-path.ts'
import { opaqueListFix, opaqueListInWords } from '../linkerd/protocols/opaque-fix.ts'
import { type OpenPodPort, openPodPorts } from '../linkerd/protocols/open-pod-ports.ts'
import { openServicePorts, openServiceReads } from '../linkerd/protocols/open-service-ports.ts'
import { isSure } from '../linkerd/protocols/server-first.ts'
import { serverFirstPortsOf } from '../linkerd/protocols/server-first-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { hasPort } from '../policy/port-set.ts'

const reads = [...openServiceReads, 'Server', 'Service'] as const

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
in the input is known to be meshed, a finding is information. Software of which it depends on its configuration who speaks first is a warning.

Other rules speak of what is left: clients outside the mesh (\`server-speaks-first-unmeshed-client-dropped\`), ports for which a Server decides (\`server-reverts-opaque-port\`), Service ports that lose their default
opacity to a named targetPort (\`named-target-port-loses-opaque\`). For names outside the cluster only an EgressNetwork or the clients' own annotations count, which are not read, so that a finding on an
ExternalName Service is information.`,
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
  if (service.spec.type === 'ExternalName') return yield* judgeExternalName(service, view)
  const open = openServicePorts(service, view)
  if (!open) return
  const fix = opaqueListFix(open.wanted, [])
  for (const { port, index, identified, atTimes, behindName } of open.ports) {
    if (!identified || behindName) continue
    const confidence = confidenceIn(open.meshed, identified)
    const byProtocol = view.settings.minor < 18 ? '' : 'appProtocol: linkerd.io/opaque on the port, or '
    const data = { port, protocol: identified.protocol.name, remedy: byProtocol + opaqueListInWords(open.wanted, port) }
    const message = atTimes ? 'opaque-at-times' : 'clients-wait'
    yield { message, path: ['spec', 'ports', index], data, confidence, severity: severityOf[confidence], fix } as const
  }
}

/** Path P4: the address is that of the name, and only the client's side is Linkerd's. */
function* judgeExternalName(service: Resource<'Service'>, view: PortView) {
  if (clientsOfService(service, [], view) === 'no') return
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

/** Path P2: those who dial the Pod; and everybody, where the server's proxy detects for meshed clients, too. */
function* judgePods(subject: Resource<PodKind>, view: PortView) {
  const open = openPodPorts(subject, view)
  if (!open) return
  const fix = opaqueListFix(open.wanted, open.template.path)
  for (const one of open.ports) {
    const { port, identified, outcome, situation } = one
    if (outcome === 'unmeshed-clients-dropped') continue
    const known = confidenceIn(open.meshed, identified)
    const confidence = known === 'high' && !isSure(outcome, situation) ? 'medium' : known
    const remedy = `${opaqueListInWords(open.wanted, port.number)} on ${subject.kind === 'Pod' ? 'the Pod' : 'the Pod template'}`
    yield {
      message: 'pod-not-opaque',
      path: containerPortPath(port, open.template),
      data: { port: port.number, protocol: identified.protocol.name, remedy, effect: effectOf(one) },
      confidence,
      severity: severityOf[confidence],
      fix,
    } as const
  }
}

function effectOf({ outcome, situation }: OpenPodPort): string {
  const who = outcome === 'all-clients-wait' ? 'of any Service' : 'that dial the Pod itself (headless, Pod DNS)'
  const others =
    situation.serverMeshed && !situation.inbound ? ', those outside the mesh are closed after 10 s without a byte' : ''
  return `meshed clients ${who} wait 10 s${others}`
}
