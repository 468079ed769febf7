import type { Fix } from '../core/edit.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, labelsOf, type Resource } from '../k8s/resource.ts'
import { annotations, defaultSkipPorts } from '../linkerd/facts.ts'
import { isSubjectMeshed } from '../linkerd/pods/mesh-clients.ts'
import { namespaceOf } from '../linkerd/pods/meshed.ts'
import { canonicalList, portsByGo, portsByInit } from '../linkerd/port-list.ts'
import { identifyProtocol } from '../linkerd/protocols/identify-protocol.ts'
import { opaqueReads, podSideOf } from '../linkerd/protocols/opaque-ports.ts'
import { servicesOf } from '../linkerd/protocols/pod-selection.ts'
import { portsOf } from '../linkerd/protocols/server-first-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { formatPorts, hasPort } from '../policy/port-set.ts'

const reads = [...opaqueReads, 'Service'] as const

type PortView = View<(typeof reads)[number], LinkerdSettings>

export const skipPortsDropDefaults = defineRule({
  id: 'skip-ports-drop-defaults',
  severity: 'warning',
  judges: 'both',
  summary: 'A list of skipped ports on a Galera Pod must keep the ports that are skipped by default.',
  why: `Out of the box 4567 and 4568, on which the members of a Galera cluster replicate, bypass the proxy on both sides. \`config.linkerd.io/skip-inbound-ports\` and \`skip-outbound-ports\` **replace** that
default: whoever adds a metrics port to the list puts replication behind the proxy. On 4567 the member that accepts a connection speaks first. Other members still skip the port and arrive outside the mesh, so that the proxy
closes the connection after 10 seconds without a byte; a member whose own proxy takes outgoing connections waits 10 seconds for each.`,
  remediation:
    'Add 4567 and 4568 to the list, or mark both ports opaque on the Pod template, so that they are proxied as bytes.',
  limits: `Only ports that the Pod really has, declared or led to by a Service, and that belong to Galera by the usual signs (an image or two weaker ones). Ports that are opaque on the Pod are fine. That connections are closed or wait
follows from what was observed of other server-first ports; it was not observed with Galera itself. With Linkerd's CNI plugin the default comes from the plugin's own chart, where it is empty: then this rule is wrong, and to be
turned off. The fix is only offered where the whole list is one that linkerd-init reads.`,
  sources: [
    'linkerd2 charts/linkerd-control-plane/values.yaml, proxyInit.ignoreInboundPorts, ignoreOutboundPorts (edge-26.8)',
    'linkerd2 pkg/inject/inject.go, applyAnnotationOverrides (edge-26.8)',
    'linkerd2-proxy-init pkg/iptables/iptables.go',
  ],
  messages: {
    inbound:
      'the proxy takes {{ports}} of Galera: set {{remedy}}. The list replaces the default, and other members, who skip the port, are closed after 10 s where this one speaks first',
    outbound:
      'the proxy takes {{ports}} of Galera on the way out: set {{remedy}}. The list replaces the default, and connections to other members wait 10 s where those speak first',
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

const directions = [
  ['inbound', annotations.skipInboundPorts],
  ['outbound', annotations.skipOutboundPorts],
] as const

function* judge(subject: Resource<PodKind>, view: PortView) {
  const template = podTemplateOf(subject)
  const { namespace } = subject
  const inherited = namespaceOf(view, namespace)?.metadata
  for (const [message, key] of directions) {
    const own = annotationOf(template.metadata, key)
    const value = own ?? annotationOf(inherited, key)
    if (value === undefined || isUnresolved(value)) continue
    const meshed = isSubjectMeshed(subject, view)
    if (meshed === 'no') return
    const labels = labelsOf(template.metadata)
    const services = servicesOf(template, namespace, view)
    const defaults = portsByInit(defaultSkipPorts)
    const lost = portsOf(template, services).filter((port) => {
      if (!hasPort(defaults, port.number) || hasPort(portsByInit(value), port.number)) return false
      const found = identifyProtocol({ ...port, labels }, view.settings)
      if (!found?.protocol.id.startsWith('galera') || found.by === 'number') return false
      const side = podSideOf(template, namespace, port.number, view)
      return !side.unknown && !(message === 'inbound' ? side.inbound : side.dialled)
    })
    if (lost.length === 0) continue
    const ports = lost.map(({ number }) => number)
    const metadata: Path = [...template.path, 'metadata']
    const wanted = unionOf(value)
    const remedy = `${key}${wanted === undefined ? ' to plain numbers, these among them' : `: "${wanted}"`}`
    const fix: Fix | undefined =
      wanted === undefined
        ? undefined
        : { title: `set ${remedy}`, edits: [{ op: 'set', path: [...metadata, 'annotations', key], value: wanted }] }
    const sure = meshed === 'yes'
    yield {
      message,
      path: own === undefined ? metadata : [...metadata, 'annotations', key],
      data: { ports: ports.join(' and '), remedy },
      confidence: sure ? 'high' : 'low',
      severity: sure ? 'warning' : 'info',
      fix,
    } as const
  }
}

/** The list with the default ports, unless linkerd-init reads it otherwise than its author meant. */
function unionOf(value: string): string | undefined {
  if (formatPorts(portsByInit(value)) !== formatPorts(portsByGo(value))) return undefined
  return canonicalList(value, defaultSkipPorts.split(',').map(Number))
}
