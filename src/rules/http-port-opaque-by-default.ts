import type { Fix } from '../core/edit.ts'
import type { Confidence, Severity } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, type Resource } from '../k8s/resource.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { annotations } from '../linkerd/facts.ts'
import { injectedOnPod, injectedOnService } from '../linkerd/injection/injected-opaque-ports.ts'
import { clientsOfService, isSubjectMeshed } from '../linkerd/pods/mesh-clients.ts'
import { type Meshed, namespaceOf } from '../linkerd/pods/meshed.ts'
import { portsByGo } from '../linkerd/port-list.ts'
import { containerPortPath } from '../linkerd/protocols/container-port-path.ts'
import { type HttpSign, httpSignOf } from '../linkerd/protocols/http-port.ts'
import { identifyProtocol } from '../linkerd/protocols/identify-protocol.ts'
import { forClients, isHttp, opaqueReads, podSideOf, serviceList } from '../linkerd/protocols/opaque-ports.ts'
import { selectedBy, servicesOf } from '../linkerd/protocols/pod-selection.ts'
import { portsOf } from '../linkerd/protocols/server-first-ports.ts'
import { isTcp, portsLeadingTo, type ServicePort, targetOf } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { hasPort } from '../policy/port-set.ts'

const reads = [...opaqueReads, 'Service'] as const

type PortView = View<(typeof reads)[number], LinkerdSettings>

const key = annotations.opaquePorts

export const httpPortOpaqueByDefault = defineRule({
  id: 'http-port-opaque-by-default',
  severity: 'warning',
  judges: 'both',
  summary: "An HTTP server on one of Linkerd's default opaque ports must be taken off the list.",
  why: `Linkerd takes eight ports for opaque unless it is told otherwise: 25, 587, 3306, 4444, 5432, 6379, 9300 and 11211. It asks for the number only. An HTTP server there, such as Selenium's hub on 4444, or a Service
that offers port 80 of its Pods as 3306, is carried as bytes: it works, but without requests. No per-request balancing (gRPC and keep-alive clients stick to one Pod), no retries, timeouts or routes, no HTTP metrics, and
policies by route that never match. Nothing says so.`,
  remediation: `Set config.linkerd.io/opaque-ports on the Service, and on the Pod template, to the ports that really are opaque; an empty text means none.`,
  limits: `HTTP is known by the name of a port (http, grpc, h2c), by software known for it (Selenium), or, with medium confidence, by target port 80 or 8080. A list of the author's own, on the object or its Namespace, is taken
at its word, and so is any \`appProtocol\` of a Service (with \`http\` on such a port connections fail, which is another rule's). After admission the list that the injector writes cannot be told from the same list by hand.
Where nothing is known to be meshed, a finding is information.`,
  sources: [
    'linkerd2 charts/linkerd-control-plane/values.yaml, proxy.opaquePorts (edge-26.8)',
    'linkerd2 pkg/inject/inject.go, CreateOpaquePortsPatch (edge-26.8)',
    'https://linkerd.io/2/features/protocol-detection/',
  ],
  messages: {
    service:
      'port {{port}} speaks HTTP ({{sign}}) and is opaque by default: set {{remedy}}. Meshed clients send bytes: no per-request balancing, no retries, timeouts or routes, no HTTP metrics',
    pod: 'container port {{port}} speaks HTTP ({{sign}}) and is opaque by default: set {{remedy}}. The proxy of the Pod, and clients that dial it, see bytes: no HTTP metrics, and no policy by route',
  },
  reads,
  check: {
    CronJob: judgePods,
    DaemonSet: judgePods,
    Deployment: judgePods,
    Job: judgePods,
    Pod: judgePods,
    ReplicaSet: judgePods,
    ReplicationController: judgePods,
    Service: judgeService,
    StatefulSet: judgePods,
  },
})

function* judgeService(service: Resource<'Service'>, view: PortView) {
  const { spec } = service
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return
  const written = injectedOnService({}, spec, undefined, view.settings).list
  if (isChosen(service.metadata, service.namespace, written, view)) return
  const list = serviceList(service, view)
  const ports = (spec.ports ?? []).flatMap((port, index) => {
    if (port === null || !isTcp(port) || typeof port.port !== 'number' || port.appProtocol) return []
    const way = forClients(service, list, { ...port, port: port.port }, view.settings)
    return way === 'opaque' ? [{ port, number: port.port, index }] : []
  })
  if (ports.length === 0) return
  const pods = selectedBy(service, view)
  const found = ports.flatMap((one) => {
    const sign = signOfServicePort(one.port, one.number, pods, view.settings)
    return sign ? [{ ...one, sign }] : []
  })
  const meshed = found.length === 0 ? 'no' : clientsOfService(service, pods, view)
  if (meshed === 'no') return
  const kept = ports.filter(({ index }) => !found.some((one) => one.index === index)).map(({ number }) => number)
  const { remedy, fix } = remedyOf(kept, [], '')
  for (const { number, index, sign } of found)
    yield {
      message: 'service',
      path: ['spec', 'ports', index],
      data: { port: number, sign: signTexts[sign], remedy },
      ...gravityOf(meshed, sign),
      fix,
    } as const
}

function* judgePods(subject: Resource<PodKind>, view: PortView) {
  const template = podTemplateOf(subject)
  const { namespace } = subject
  // Templates do not pass the injector: a list there is its author's.
  const written =
    subject.kind === 'Pod'
      ? injectedOnPod({ metadata: {}, spec: template.spec }, undefined, view.settings, true).list
      : undefined
  if (isChosen(template.metadata, namespace, written, view)) return
  const byDefault = portsByGo(view.settings.opaquePorts)
  const services = servicesOf(template, namespace, view)
  const ports = portsOf(template, services).filter(({ number }) => hasPort(byDefault, number))
  const found = ports.flatMap((port) => {
    const leading = portsLeadingTo(port.number, template, services)
    const sign = leading.some(({ appProtocol }) => isHttp(appProtocol)) ? 'name' : signOf(port, leading, view.settings)
    const side = podSideOf(template, namespace, port.number, view)
    return sign && side.dialled && !side.skipped && !side.unknown && !side.server ? [{ ...port, sign }] : []
  })
  const meshed = found.length === 0 ? 'no' : isSubjectMeshed(subject, view)
  if (meshed === 'no') return
  const kept = ports.filter(({ number }) => !found.some((one) => one.number === number)).map(({ number }) => number)
  const where = subject.kind === 'Pod' ? ' on the Pod' : ' on the Pod template'
  const { remedy, fix } = remedyOf(kept, template.path, where)
  for (const { sign, ...port } of found)
    yield {
      message: 'pod',
      path: containerPortPath(port, template),
      data: { port: port.number, sign: signTexts[sign], remedy },
      ...gravityOf(meshed, sign),
      fix,
    } as const
}

/** Did somebody choose a list: on the object, unless it is word for word what the injector writes, or on the Namespace? */
function isChosen(metadata: ObjectMeta, namespaceName: string, written: string | undefined, view: PortView): boolean {
  const own = annotationOf(metadata, key)
  const inherited = annotationOf(namespaceOf(view, namespaceName)?.metadata, key)
  if (inherited !== undefined || isUnresolved(own)) return true
  return own !== undefined && !(view.stage === 'admitted' && own === written)
}

function signOfServicePort(
  port: ServicePort,
  number: number,
  pods: readonly Resource<PodKind>[],
  settings: LinkerdSettings,
): HttpSign | undefined {
  const name = port.name ?? undefined
  const known = identifyProtocol({ number, name }, settings)
  const signs = signsBehind(port, number, name, pods, settings)
  // `smtp` on 25 is no HTTP, wherever it leads. The number alone says little.
  return signs.find((sign) => sign && (sign !== 'number' || known === undefined || known.by === 'number'))
}

function signsBehind(
  port: ServicePort,
  number: number,
  name: string | undefined,
  pods: readonly Resource<PodKind>[],
  settings: LinkerdSettings,
): (HttpSign | undefined)[] {
  const target = typeof port.targetPort === 'number' && port.targetPort !== 0 ? port.targetPort : number
  if (pods.length === 0) return [httpSignOf({ number: target, name }, settings)]
  const targets = pods.flatMap((pod) => targetOf(port, podTemplateOf(pod)) ?? [])
  return targets.map((one) => httpSignOf({ ...one, name }, settings) ?? httpSignOf(one, settings))
}

function signOf(
  port: Parameters<typeof httpSignOf>[0],
  leading: readonly ServicePort[],
  settings: LinkerdSettings,
): HttpSign | undefined {
  const names = [port.name, ...leading.map(({ name }) => name ?? undefined)]
  return names.map((name) => httpSignOf({ ...port, name }, settings)).find((sign) => sign !== undefined)
}

/** The ports that stay opaque, as a list: it replaces the default. */
function remedyOf(kept: readonly number[], path: Path, where: string): { readonly remedy: string; readonly fix: Fix } {
  const value = kept.join(',')
  const remedy = `${key}: "${value}"${where}`
  return {
    remedy,
    fix: { title: `set ${remedy}`, edits: [{ op: 'set', path: [...path, 'metadata', 'annotations', key], value }] },
  }
}

const signTexts: Readonly<Record<HttpSign, string>> = {
  name: 'by its name',
  image: 'by its image',
  number: 'by the number of its target',
}

function gravityOf(meshed: Meshed, sign: HttpSign): { readonly confidence: Confidence; readonly severity: Severity } {
  if (meshed !== 'yes') return { confidence: 'low', severity: 'info' }
  return { confidence: sign === 'number' ? 'medium' : 'high', severity: 'warning' }
}
