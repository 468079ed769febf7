import type { View } from '../core/view.ts'
import { isUnresolved } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import type { Resource } from '../k8s/resource.ts'
import { opaqueAppProtocols } from '../linkerd/facts.ts'
import { clientsOfService } from '../linkerd/pods/mesh-clients.ts'
import { forClients, opaqueReads, podSideOf, serviceList } from '../linkerd/protocols/opaque-ports.ts'
import { selectedBy } from '../linkerd/protocols/pod-selection.ts'
import { isTcp, type ServicePort, targetOf } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type PortView = View<(typeof opaqueReads)[number], LinkerdSettings>

export const appProtocolWithoutEffect = defineRule({
  id: 'app-protocol-without-effect',
  severity: 'info',
  judges: 'both',
  summary: 'An appProtocol that says opaque must stand on a Service that Linkerd reads it from.',
  why: `From 2.18 on, clients of a Service learn from \`appProtocol\` that a port is opaque. They do so for ClusterIP Services only. Who uses a headless Service, or the names of a StatefulSet's Pods, dials a Pod, and
Linkerd answers with what the Pod says; an ExternalName leads to an address outside. There the port is detected after all, which is slow where the server speaks first. Releases before 2.18 read the field nowhere.`,
  remediation:
    'On a headless Service, list the container ports in config.linkerd.io/opaque-ports of the Pod template. Before 2.18, list the ports in the same annotation of the Service.',
  limits: `Only \`linkerd.io/opaque\`, \`linkerd.io/tcp\` and, where there surely is a mesh, \`tcp\` are looked at: other values are for other readers, and HTTP is found by detection as well. Ports that the Pods themselves, or a list,
make opaque are fine. Whether it matters depends on the protocol, so that findings are information; \`server-speaks-first-port-not-opaque\` says where it does.`,
  sources: [
    'https://linkerd.io/2/features/protocol-detection/',
    'linkerd2 controller/api/destination/endpoint_profile_translator.go; test/integration/deep/appprotocol (edge-26.8)',
    'linkerd2 policy-controller/core/src/outbound.rs (edge-26.8)',
  ],
  messages: {
    headless:
      'appProtocol {{value}} has no effect on a headless Service: list container port {{target}} in config.linkerd.io/opaque-ports of the Pod template. Clients dial the Pods, and learn from them what is opaque',
    'external-name':
      'appProtocol {{value}} has no effect on an ExternalName Service: set config.linkerd.io/skip-outbound-ports on the client Pods, or list port {{port}} on an EgressNetwork. Clients connect to an address outside',
    'before-2.18':
      'appProtocol {{value}} has no effect before Linkerd 2.18, and this is 2.{{minor}}: list port {{port}} in config.linkerd.io/opaque-ports of the Service',
  },
  reads: opaqueReads,
  check: { Service: judge },
})

function* judge(service: Resource<'Service'>, view: PortView) {
  const { spec } = service
  const external = spec.type === 'ExternalName'
  const headless = spec.clusterIP === 'None'
  const { minor } = view.settings
  if (!external && !headless && minor >= 18) return
  const pods = external ? [] : selectedBy(service, view)
  for (const [i, port] of (spec.ports ?? []).entries()) {
    const value = port?.appProtocol
    if (!port || !value || !isTcp(port) || typeof port.port !== 'number' || isUnresolved(value)) continue
    const word = value.toLowerCase()
    const linkerds = opaqueAppProtocols.has(word)
    if (!linkerds && word !== 'tcp') continue
    const meshed = clientsOfService(service, pods, view)
    if (meshed === 'no' || (!linkerds && meshed !== 'yes')) return
    const common = { path: ['spec', 'ports', i, 'appProtocol'], confidence: linkerds ? 'high' : 'medium' } as const
    if (external) yield { message: 'external-name', data: { value, port: port.port }, ...common } as const
    else if (headless) {
      const target = targetInWords(port, pods)
      if (!isKnownByPods(port, pods, view)) yield { message: 'headless', data: { value, target }, ...common } as const
    } else {
      const way = forClients(service, serviceList(service, view), { ...port, port: port.port }, view.settings)
      if (way !== 'opaque')
        yield { message: 'before-2.18', data: { value, port: port.port, minor }, ...common } as const
    }
  }
}

function targetInWords(port: ServicePort, pods: readonly Resource<PodKind>[]): number | string {
  const found = pods.map((pod) => targetOf(port, podTemplateOf(pod))).find((target) => target !== undefined)
  return found?.number ?? (port.targetPort || port.port || 0)
}

function isKnownByPods(port: ServicePort, pods: readonly Resource<PodKind>[], view: PortView): boolean {
  return (
    pods.length > 0 &&
    pods.every((pod) => {
      const template = podTemplateOf(pod)
      const target = targetOf(port, template)
      return !target || podSideOf(template, pod.namespace, target.number, view).dialled
    })
  )
}
