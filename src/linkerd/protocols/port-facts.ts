import type { Path } from '../../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../../k8s/pod-template.ts'
import { annotationOf, describe, type Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { annotations, opaqueAppProtocols } from '../facts.ts'
import { isMeshed, namespaceOf, seesPods, seesService } from '../pods/meshed.ts'
import { portsByGo, portsByRust } from '../port-list.ts'
import type { Inbound, InboundView } from './inbound-protocol.ts'
import { isHttp, type PodSide, podList, podPortsNamed, serviceList, servicePortsNamed } from './opaque-ports.ts'
import type { Outbound } from './outbound-protocol.ts'

/** One thing that somebody knows of a port, and the line that says so. */
export interface PortFact {
  readonly text: string
  /** Where it is written; undefined for what nobody wrote: Linkerd's defaults. */
  readonly place: { readonly resource: Resource; readonly path: Path } | undefined
}

const annotationPath = ['metadata', 'annotations', annotations.opaquePorts]

/** What clients in the mesh know of a Service's port (path P1). */
export function* clientFacts(
  service: Resource<'Service'>,
  port: number,
  outbound: Outbound,
  view: InboundView,
): Generator<PortFact> {
  const index = (service.spec.ports ?? []).findIndex((one) => one?.port === port)
  if (outbound.kind === 'forbidden') {
    yield {
      text: `port ${port} is not declared: clients are told to refuse it`,
      place: { resource: service, path: ['spec', 'ports'] },
    }
    return
  }
  const appProtocol = outbound.port?.appProtocol
  if (typeof appProtocol === 'string')
    yield {
      text: appProtocolInWords(appProtocol, view.settings.minor),
      place: { resource: service, path: ['spec', 'ports', index, 'appProtocol'] },
    }
  const named = (name: string) => servicePortsNamed(service, name)
  const place = listPlace(service, [], view)
  yield { text: listInWords(serviceList(service, view).value, port, named, place, view), place }
  for (const route of outbound.routes)
    yield { text: `${describe(route)} is in effect on it`, place: { resource: route, path: ['spec', 'parentRefs'] } }
}

function appProtocolInWords(value: string, minor: number): string {
  const said = `appProtocol: ${value}`
  if (minor < 18) return `${said} means nothing to Linkerd before 2.18`
  if (isHttp(value)) return `${said} means ${value.toLowerCase() === 'http' ? 'HTTP/1' : 'HTTP/2'}, without detection`
  const own = opaqueAppProtocols.has(value.toLowerCase())
  return `${said} means opaque${own ? '' : ', as every value that Linkerd does not know'}`
}

/** What the proxy beside a server, and clients that dial its Pod, know of a container port (paths P2 and P3). */
export function* serverFacts(
  pod: Resource<PodKind>,
  port: number,
  side: PodSide,
  inbound: Inbound,
  view: InboundView,
): Generator<PortFact> {
  const template = podTemplateOf(pod)
  const meshed = isMeshed(template, pod.namespace, view)
  const inWords = {
    yes: 'is in the mesh',
    no: 'is not in the mesh',
    unknown: 'may be in the mesh: its namespace is not in the input',
  }
  yield { text: inWords[meshed], place: { resource: pod, path: template.path } }
  if (side.skipped || side.skippedByClients) {
    const own = annotationOf(template.metadata, annotations.skipInboundPorts) !== undefined
    yield {
      text: `port ${port} is skipped ${own ? `by ${annotations.skipInboundPorts}` : 'by default'}${whoSkips(side)}`,
      place: own
        ? { resource: pod, path: [...template.path, 'metadata', 'annotations', annotations.skipInboundPorts] }
        : undefined,
    }
  }
  const list = podList(template, pod.namespace, view)
  const named = (name: string) => podPortsNamed(template, name)
  if (list) {
    const place = listPlace(pod, template.path, view)
    yield { text: listInWords(list.value, port, named, place, view), place }
  } else {
    const byDefault = hasPort(portsByGo(view.settings.opaquePorts), port)
    yield {
      text: byDefault
        ? `no list: clients take port ${port} for opaque by the default list, the proxy beside the server does not`
        : `no list: nobody takes port ${port} for opaque`,
      place: undefined,
    }
  }
  if (inbound.server)
    yield {
      text: `${describe(inbound.server)} decides for the proxy beside the server: proxyProtocol ${inbound.server.spec.proxyProtocol ?? 'unknown'}, accessPolicy ${inbound.server.spec.accessPolicy ?? 'deny'}`,
      place: { resource: inbound.server, path: ['spec', 'proxyProtocol'] },
    }
}

function whoSkips({ skipped, skippedByClients }: PodSide): string {
  if (skipped && skippedByClients) return ''
  return skipped ? ', which clients do not know' : ' for clients only: iptables does not understand it'
}

/** Both parsers' reading of one list, and whose it is. */
function listInWords(
  value: string,
  port: number,
  named: (name: string) => readonly number[],
  place: PortFact['place'],
  { settings }: InboundView,
): string {
  const [policy, destination] = [hasPort(portsByRust(value), port), hasPort(portsByGo(value, named), port)]
  const whose = place ? '' : value === settings.opaquePorts ? 'default ' : "injector's "
  const list = `the ${whose}list ${JSON.stringify(value)}`
  if (policy && destination) return `${list} makes port ${port} opaque`
  if (policy) return `${list} makes port ${port} opaque for the policy controller; destination cannot read it so`
  if (destination) return `${list} makes port ${port} opaque for destination; the policy controller cannot read it so`
  return `${list} does not hold port ${port}`
}

/** Where the list in effect is written: on the object, or on its Namespace, from which the injector copies it. */
function listPlace(resource: Resource, prefix: Path, view: InboundView): PortFact['place'] {
  const metadata =
    resource.kind === 'Service' ? resource.metadata : podTemplateOf(resource as Resource<PodKind>).metadata
  if (annotationOf(metadata, annotations.opaquePorts) !== undefined)
    return { resource, path: [...prefix, ...annotationPath] }
  const namespace = namespaceOf(view, resource.namespace)
  const copied = namespace !== undefined && annotationOf(namespace.metadata, annotations.opaquePorts) !== undefined
  const seen =
    resource.kind === 'Service' ? seesService(resource, view) : seesPods({ metadata }, resource.namespace, view)
  return copied && seen ? { resource: namespace, path: annotationPath } : undefined
}
