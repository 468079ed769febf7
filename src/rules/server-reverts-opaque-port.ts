import type { Fix } from '../core/edit.ts'
import type { Confidence } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import { annotationOf, describe, type Resource } from '../k8s/resource.ts'
import { annotations } from '../linkerd/facts.ts'
import { namespaceOf } from '../linkerd/pods/meshed.ts'
import { portsByGo, portsByRust } from '../linkerd/port-list.ts'
import { confidenceIn, severityOf } from '../linkerd/protocols/certainty.ts'
import type { Identified } from '../linkerd/protocols/identify-protocol.ts'
import { inboundOf, inboundReads, protocolOf } from '../linkerd/protocols/inbound-protocol.ts'
import { podList, podPortsNamed } from '../linkerd/protocols/opaque-ports.ts'
import { isDialled } from '../linkerd/protocols/open-pod-ports.ts'
import { servicesOf } from '../linkerd/protocols/pod-selection.ts'
import { identifyContainerPort, portsOf } from '../linkerd/protocols/server-first-ports.ts'
import { type ServerTarget, targetsOfServer } from '../linkerd/protocols/server-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import { type LinkerdSettings, redirectsEveryPort } from '../linkerd/settings.ts'
import { hasPort } from '../policy/port-set.ts'

const reads = [...inboundReads, 'Service'] as const

type PortView = View<(typeof reads)[number], LinkerdSettings>

export const serverRevertsOpaquePort = defineRule({
  id: 'server-reverts-opaque-port',
  severity: 'error',
  judges: 'both',
  summary: 'A Server without proxyProtocol: opaque overrules the opaque-ports list of the Pods that it selects.',
  why: `Where a Server selects a port of a Pod, the proxy beside it obeys the Server alone; the Pod's \`config.linkerd.io/opaque-ports\` no longer counts there. \`proxyProtocol\` is \`unknown\` unless said otherwise, and that
means detection; \`TLS\` waits for a TLS greeting just as well.

So a Server that was only meant to say who may connect takes away the opacity of a port. On a server that speaks first, clients outside the mesh are closed after 10 seconds without a byte: seen on real proxies, with the
port in the Pod's annotation and a Server \`unknown\` on it. Clients in the mesh go by the annotation still.`,
  remediation: 'Set proxyProtocol: opaque in the Server.',
  limits: `How grave it is depends on whom \`accessPolicy\` lets in: clients outside the mesh (error), nobody by itself (a warning: AuthorizationPolicies, which are not read, may let them in), or the mesh only (information). Where
the software is not known to speak first, only a list that somebody wrote on the Pod or its namespace is held against the Server, as a warning.

The Server is judged against the Pods that are known; a Pod that comes later is not told of it. A Server that calls a listed port HTTP or gRPC is \`server-protocol-conflicts-opaque-port\`. Other effects than the one above
are derived from the source.`,
  sources: [
    'linkerd2 policy-controller/k8s/index/src/inbound/index.rs (edge-26.8)',
    'linkerd2-proxy linkerd/app/inbound/src/detect.rs',
    'https://linkerd.io/2/reference/authorization-policy/#server',
  ],
  messages: {
    'server-first':
      'port {{port}} of {{pod}} ({{protocol}}) is not opaque: set proxyProtocol: opaque, instead of {{says}}, which overrules the Pod. The server speaks first: {{effect}}',
    listed:
      'port {{port}} of {{pod}} is no longer opaque: set proxyProtocol: opaque, instead of {{says}}, which overrules the list that names the port. Where the server speaks first, clients outside the mesh are closed after 10 s without a byte',
  },
  reads,
  check: {
    *Server(server: Resource<'Server'>, view: PortView) {
      const kind = protocolOf(server)
      if (kind === 'opaque') return
      const suffering = targetsOfServer(server, view)
        .filter(({ side }) => !side.skipped)
        .map((target) => ({ target, identified: identify(target, view), listed: listedBy(target, view) }))
        // What is listed, and called HTTP, is denied: that is another rule's.
        .filter(({ listed }) => kind === 'detect' || kind === 'tls' || listed === undefined)
      const all = targetsOfServer(server, view)
      const hit = suffering.filter(({ identified, listed }) => identified !== undefined || listed === 'author')
      const fix = hit.length === all.length ? fixOf() : undefined
      const says = server.spec.proxyProtocol || 'unknown'
      const path = server.spec.proxyProtocol === undefined ? ['spec'] : ['spec', 'proxyProtocol']
      const first = hit.find(({ identified }) => identified !== undefined) ?? hit[0]
      if (!first) return
      const { target, identified } = first
      const data = { port: target.port, pod: describe(target.pod), says }
      const admits = inboundOf(target.side, view).admits
      if (!identified) {
        const confidence = admits === 'mesh' || target.meshed !== 'yes' ? 'low' : 'medium'
        yield { message: 'listed', path, data, confidence, severity: severityOf[confidence], fix } as const
        return
      }
      const services = servicesOf(target.template, server.namespace, view)
      const everybody = !redirectsEveryPort(view.settings)
      const meshedSuffer = !target.side.dialled && (everybody || isDialled(target.pod, services))
      const confidence = meshedSuffer
        ? confidenceIn(target.meshed, identified)
        : lessSure(confidenceIn(target.meshed, identified), admits)
      const protocol = identified.protocol.name
      const effect = effectOf(target, admits, view)
      yield {
        message: 'server-first',
        path,
        data: { ...data, protocol, effect },
        confidence,
        severity: severityOf[confidence],
        fix,
      } as const
    },
  },
})

function fixOf(): Fix {
  return {
    title: 'set proxyProtocol: opaque',
    edits: [{ op: 'set', path: ['spec', 'proxyProtocol'], value: 'opaque' }],
  }
}

function identify({ template, pod, port }: ServerTarget, view: PortView): Identified | undefined {
  const services = servicesOf(template, pod.namespace, view)
  const found = portsOf(template, services).find(({ number }) => number === port)
  return found && identifyContainerPort(found, template, services, view.settings)
}

/** Is the port in the Pod's list, and did somebody write that? The injector writes default ports, whatever speaks there. */
function listedBy({ template, pod, port }: ServerTarget, view: PortView): 'author' | 'default' | undefined {
  const list = podList(template, pod.namespace, view)?.value
  if (list === undefined) return undefined
  const named = (name: string) => podPortsNamed(template, name)
  if (!hasPort(portsByRust(list), port) && !hasPort(portsByGo(list, named), port)) return undefined
  const written =
    annotationOf(template.metadata, annotations.opaquePorts) ??
    annotationOf(namespaceOf(view, pod.namespace)?.metadata, annotations.opaquePorts)
  return written === undefined ? 'default' : 'author'
}

/** Clients outside the mesh may not exist, and may not be let in. */
function lessSure(known: Confidence, admits: 'anyone' | 'mesh' | 'nobody'): Confidence {
  if (admits === 'mesh') return 'low'
  return admits === 'nobody' && known === 'high' ? 'medium' : known
}

function effectOf({ side }: ServerTarget, admits: 'anyone' | 'mesh' | 'nobody', { settings }: PortView): string {
  const others = admits === 'mesh' ? 'clients outside the mesh, should they be let in,' : 'clients outside the mesh'
  const closed = `${others} are closed after 10 s without a byte`
  if (side.dialled) return closed
  const who = redirectsEveryPort(settings) ? 'that dial the Pod itself (headless, Pod DNS)' : 'of any Service'
  return `meshed clients ${who} wait 10 s, ${closed}`
}
