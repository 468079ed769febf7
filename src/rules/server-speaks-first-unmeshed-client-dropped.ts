import type { View } from '../core/view.ts'
import type { PodKind } from '../k8s/pod-template.ts'
import { annotationOf, type Resource } from '../k8s/resource.ts'
import { annotations } from '../linkerd/facts.ts'
import { namespaceOf } from '../linkerd/pods/meshed.ts'
import { portsByGo } from '../linkerd/port-list.ts'
import { confidenceIn, severityOf } from '../linkerd/protocols/certainty.ts'
import { containerPortPath } from '../linkerd/protocols/container-port-path.ts'
import { opaqueListFix, opaqueListInWords } from '../linkerd/protocols/opaque-fix.ts'
import { type OpenPod, openPodPorts, openPodReads } from '../linkerd/protocols/open-pod-ports.ts'
import { clientsBypass } from '../linkerd/protocols/server-first-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { hasPort } from '../policy/port-set.ts'

type PortView = View<(typeof openPodReads)[number], LinkerdSettings>

export const serverSpeaksFirstUnmeshedClientDropped = defineRule({
  id: 'server-speaks-first-unmeshed-client-dropped',
  severity: 'error',
  judges: 'both',
  summary:
    'Clients outside the mesh lose their connection where the server speaks first and its own proxy does not know it.',
  why: `The proxy beside a server waits for the client's first bytes. Where the server speaks first (MySQL, NATS, SMTP) a client outside the mesh, a load balancer or another mesh, waits as well, and after
10 seconds the proxy closes the connection: not a byte has passed, and at the usual log level there is no line about it (\`inbound_tcp_errors_total{error="tls detection timeout"}\` counts it).

The proxy beside the server learns it from the Pod alone: \`appProtocol\` and the annotation of a Service are for clients in the mesh. Of the default list it learns only what the injector wrote on the Pod, and that
are the default ports that a container **declares**. Both were seen on real proxies: closed after 10.01 s; with the annotation on the Pod, at once.`,
  remediation:
    'List the container port in config.linkerd.io/opaque-ports on the Pod template, together with the ports that are opaque already. For a port of the default list it is enough to declare it as containerPort.',
  limits: `A warning at most, for there may be no clients outside the mesh; information where the default inbound policy keeps them out anyway. Only the Galera ports 4567 and 4568 are an error: by default all clients
bypass their proxies there. Where a Server decides about the port, \`server-reverts-opaque-port\` speaks of it; where clients in the mesh suffer as well, \`server-speaks-first-port-not-opaque\` does.`,
  sources: [
    'https://linkerd.io/2/features/protocol-detection/',
    'linkerd2 policy-controller/k8s/index/src/inbound/workload.rs, pkg/inject/inject.go (edge-26.8)',
    'linkerd2-proxy linkerd/app/inbound/src/detect.rs',
  ],
  messages: {
    dropped:
      'container port {{port}} ({{protocol}}) is not opaque for the proxy beside the server: set {{remedy}}. The server speaks first: {{who}} are closed after 10 s without a byte',
    undeclared:
      'container port {{port}} ({{protocol}}) is not declared: declare it, or set {{remedy}}. The server speaks first, and the default list reaches clients in the mesh only: {{who}} are closed after 10 s without a byte',
  },
  reads: openPodReads,
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

/** Path P3, where meshed clients have nothing to fear at the Pod. */
function* judge(subject: Resource<PodKind>, view: PortView) {
  const open = openPodPorts(subject, view)
  if (!open) return
  const fix = opaqueListFix(open.wanted, open.template.path)
  const keptOut = refusesUnmeshed(open, subject.namespace, view)
  const defaults = portsByGo(view.settings.opaquePorts)
  for (const { port, identified, outcome, side } of open.ports) {
    if (outcome !== 'unmeshed-clients-dropped') continue
    const bypassing = clientsBypass(port.number)
    const known = confidenceIn(open.meshed, identified)
    const likely = known === 'high' && !bypassing ? 'medium' : known
    const confidence = keptOut && !bypassing ? 'low' : likely
    const undeclared = !port.declared && side.dialled && hasPort(defaults, port.number)
    yield {
      message: undeclared ? 'undeclared' : 'dropped',
      path: containerPortPath(port, open.template),
      data: {
        port: port.number,
        protocol: identified.protocol.name,
        remedy: `${opaqueListInWords(open.wanted, port.number)} on ${subject.kind === 'Pod' ? 'the Pod' : 'the Pod template'}`,
        who: bypassing ? 'clients, which bypass their proxy here by default,' : 'clients outside the mesh',
      },
      confidence,
      severity: severityOf[confidence],
      fix,
    } as const
  }
}

/** Does the default inbound policy keep clients outside the mesh out? */
function refusesUnmeshed({ template }: OpenPod, namespace: string, view: PortView): boolean {
  const policy =
    annotationOf(template.metadata, annotations.defaultInboundPolicy) ??
    annotationOf(namespaceOf(view, namespace)?.metadata, annotations.defaultInboundPolicy)
  return policy === 'deny' || policy === 'all-authenticated' || policy === 'cluster-authenticated'
}
