import type { Fix } from '../core/edit.ts'
import type { View } from '../core/view.ts'
import { isUnresolved } from '../k8s/json.ts'
import type { PodKind } from '../k8s/pod-template.ts'
import { podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, type Resource } from '../k8s/resource.ts'
import { annotations } from '../linkerd/facts.ts'
import { clientsOfService } from '../linkerd/pods/mesh-clients.ts'
import { meshReads, namespaceOf } from '../linkerd/pods/meshed.ts'
import { canonicalList } from '../linkerd/port-list.ts'
import { portsMeantBy, tokensOf } from '../linkerd/protocols/list-tokens.ts'
import { forClients, servicePortsNamed } from '../linkerd/protocols/opaque-ports.ts'
import { selectedBy } from '../linkerd/protocols/pod-selection.ts'
import { isTcp, targetOf } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type ListView = View<(typeof meshReads)[number], LinkerdSettings>

export const opaquePortsNamesTargetPort = defineRule({
  id: 'opaque-ports-names-target-port',
  severity: 'error',
  judges: 'both',
  summary: "A Service's opaque-ports list holds the numbers of its own ports, not targets, and no names.",
  why: `Clients of a Service know its ports by the numbers under \`spec.ports[].port\`, and look for those in \`config.linkerd.io/opaque-ports\` of the Service. The number of a \`targetPort\` means something
on the Pod only: on the Service it stands there without effect, and the port stays subject to detection.

A **name** is worse, because it seems to work. Destination resolves it, the policy controller drops the whole list for it. On real proxies a port listed by name answered at once, and after seven idle seconds,
when destination had forgotten the Service, each connection waited ten seconds. After every pause it breaks again.`,
  remediation: "List the numbers of the Service's own ports. On the Pod template, list the container ports.",
  limits: `A number that is no port of the Service and the target of none is left alone: the list may be shared, and it does no harm. So is a list that is the
Namespace's, word for word: the injector copies it to Pods and Services alike. So is a port whose \`appProtocol\` says what it is (Linkerd 2.18), and Services whose
list nobody reads (headless, ExternalName). Where nothing says that there are meshed clients, the findings are warnings; a number is never more.`,
  sources: [
    'linkerd2 controller/api/destination/watcher/opaque_ports_watcher.go (edge-26.8)',
    'linkerd2 policy-controller/k8s/index/src/outbound/index.rs, ports.rs (edge-26.8)',
    'https://linkerd.io/2/features/protocol-detection/',
  ],
  messages: {
    'target-number':
      '{{number}} is the target of port {{port}}, and clients of the Service know the port alone: set {{remedy}}. As it is, port {{port}} is not opaque for them',
    'own-name':
      '"{{name}}" is opaque at first only: set {{remedy}}. Destination knows the name, the policy controller drops the whole list for it; after a few idle seconds clients detect the protocol again, 10 s where the server speaks first',
    'target-name':
      '"{{name}}" is the name of a target, which nobody looks for on a Service: set {{remedy}}. The policy controller drops the whole list for it, and nothing in it stays opaque for clients',
  },
  reads: meshReads,
  check: { Service: judge },
})

function* judge(service: Resource<'Service'>, view: ListView) {
  const { spec } = service
  const value = annotationOf(service.metadata, annotations.opaquePorts)
  if (value === undefined || isUnresolved(value) || spec.type === 'ExternalName' || spec.clusterIP === 'None') return
  // Copied by the injector: it is the Namespace's, and was written for Pods as well.
  if (value === annotationOf(namespaceOf(view, service.namespace)?.metadata, annotations.opaquePorts)) return
  const pods = selectedBy(service, view)
  const named = (name: string) => portsMeantBy(name, service, pods)
  const tokens = tokensOf(value, named)
  const names = tokens.filter(({ kind }) => kind === 'name').map(({ text }) => text.trim())
  const open = openPorts(service, value, view.settings)
  const numbers = tokens
    .filter(({ kind, text }) => kind === 'plain' || (kind === 'loose' && !text.includes('-')))
    .map(({ text }) => Number(text))
    .filter((number) => !(spec.ports ?? []).some((port) => port?.port === number))
  const targets = numbers.flatMap((number) =>
    open.filter((port) => leadsTo(port, number, service, pods)).map((port) => ({ number, port })),
  )
  // What the list would make opaque counts: a port that says what it is needs no list.
  const hit = names.filter((name) => named(name).some((port) => open.includes(port)) || dropsOthers(value, open))
  if (hit.length === 0 && targets.length === 0) return
  const meshed = clientsOfService(service, pods, view)
  if (meshed === 'no') return

  const path = ['metadata', 'annotations', annotations.opaquePorts]
  const wanted = canonicalList(
    value,
    targets.map(({ port }) => port),
    named,
  )
  const remedy = `${annotations.opaquePorts}${wanted === undefined ? ' to numbers only' : `: ${JSON.stringify(wanted)}`}`
  const fix: Fix | undefined =
    wanted === undefined ? undefined : { title: `set ${remedy}`, edits: [{ op: 'set', path, value: wanted }] }
  const sure = meshed === 'yes'
  for (const name of hit) {
    const message = servicePortsNamed(service, name).length > 0 ? 'own-name' : 'target-name'
    const confidence = sure ? 'high' : 'medium'
    yield { message, path, data: { name, remedy }, confidence, severity: sure ? 'error' : 'warning', fix } as const
  }
  for (const { number, port } of targets)
    yield {
      message: 'target-number',
      path,
      data: { number, port, remedy },
      confidence: sure ? 'high' : 'medium',
      severity: 'warning',
      fix,
    } as const
}

/** TCP ports that clients do not take for opaque, at least after a while, and that say nothing themselves. */
function openPorts(service: Resource<'Service'>, value: string, settings: LinkerdSettings): number[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    if (port === null || !isTcp(port) || typeof port.port !== 'number' || isUnresolved(port.appProtocol)) return []
    const way = forClients(service, { value, unknown: false }, { ...port, port: port.port }, settings)
    return way === 'detected' || way === 'opaque-at-times' ? [port.port] : []
  })
}

/** Does a list that is dropped for a name hold numbers of the Service, which are lost with it? */
function dropsOthers(value: string, open: readonly number[]): boolean {
  return tokensOf(value).some(({ kind, text }) => kind === 'plain' && open.includes(Number(text)))
}

function leadsTo(
  number: number,
  target: number,
  service: Resource<'Service'>,
  pods: readonly Resource<PodKind>[],
): boolean {
  const port = (service.spec.ports ?? []).find((one) => one?.port === number)
  if (!port) return false
  if (port.targetPort === target) return true
  return (
    typeof port.targetPort === 'string' && pods.some((pod) => targetOf(port, podTemplateOf(pod))?.number === target)
  )
}
