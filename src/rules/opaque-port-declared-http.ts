import type { Fix } from '../core/edit.ts'
import type { View } from '../core/view.ts'
import { isUnresolved } from '../k8s/json.ts'
import { annotationOf, describe, type Resource } from '../k8s/resource.ts'
import { annotations } from '../linkerd/facts.ts'
import { clientsOfService } from '../linkerd/pods/mesh-clients.ts'
import { severityOf } from '../linkerd/protocols/certainty.ts'
import { opaqueListFix } from '../linkerd/protocols/opaque-fix.ts'
import { openServiceReads } from '../linkerd/protocols/open-service-ports.ts'
import { type Outbound, outboundOf } from '../linkerd/protocols/outbound-protocol.ts'
import { selectedBy } from '../linkerd/protocols/pod-selection.ts'
import { isTcp } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type PortView = View<(typeof openServiceReads)[number], LinkerdSettings>

export const opaquePortDeclaredHttp = defineRule({
  id: 'opaque-port-declared-http',
  severity: 'error',
  judges: 'both',
  summary:
    'A Service port that is declared HTTP and is on the opaque-ports list makes the proxies of its clients panic.',
  why: `From Linkerd 2.18 on, \`appProtocol: http\` and \`kubernetes.io/h2c\` beat the opaque-ports list, but only one of the two controllers knows that. The other still says opaque, the client's proxy obeys it, is given a policy for HTTP,
and panics: \`initial policy must be opaque\`. The client sees RST or FIN within 3–50 ms; the proxy survives, and no metric counts it.

It does not hit every connection: the second controller forgets the opacity when its last stream for that Service closes (5 s idle). So it **breaks after each change or restart, heals after a pause, and breaks again**. The default
list counts as well: HTTP on 9300, 4444 or 5432 is enough. An empty list (\`config.linkerd.io/opaque-ports: ""\`) cures it. All of this was seen on real proxies.`,
  remediation: 'Give the Service a config.linkerd.io/opaque-ports list without that port; an empty one is a list.',
  limits: `A list that the Service itself carries is not changed by the fix: either the list or \`appProtocol\` is wrong, and only its author knows which. Information where neither the Pods nor anything else in the input is known to be
meshed. For a GRPCRoute or TLSRoute on a port that only one controller takes for opaque (a list of names) the same follows from the source; it was not seen.`,
  sources: [
    'linkerd2-proxy linkerd/app/outbound/src/opaq.rs, linkerd/app/outbound/src/sidecar.rs',
    'linkerd2 policy-controller/k8s/index/src/outbound/index.rs, controller/api/destination/watcher/opaque_ports_watcher.go (edge-26.8)',
  ],
  messages: {
    'app-protocol':
      'port {{port}} is declared {{value}}, and is opaque by {{list}}: set {{remedy}}. The proxies of its clients panic, so that connections break after each change or restart, heal after a pause, and break again',
    route:
      'port {{port}} has {{route}}, and is opaque by {{list}} for one of the two controllers: write numbers, without {{port}}. The proxies of its clients panic, so that connections break after each change or restart, heal after a pause, and break again',
  },
  reads: openServiceReads,
  check: {
    *Service(service: Resource<'Service'>, view: PortView) {
      const { spec } = service
      if (spec.clusterIP === 'None' || spec.type === 'ExternalName') return
      const panicking = (spec.ports ?? []).flatMap((port, index) => {
        if (!port || typeof port.port !== 'number' || !isTcp(port) || isUnresolved(port.appProtocol)) return []
        const outbound = outboundOf(service, port.port, view)
        const panics = outbound.profile && outbound.kind !== 'opaque' && outbound.kind !== 'detect'
        return panics && !outbound.list.unknown ? [{ port: port.port, index, outbound }] : []
      })
      if (panicking.length === 0) return
      const meshed = clientsOfService(service, selectedBy(service, view), view)
      if (meshed === 'no') return
      const confidence = meshed === 'yes' ? 'high' : 'low'
      const rest = listWithout(
        service,
        panicking.map(({ port }) => port),
        view,
      )
      const own = annotationOf(service.metadata, annotations.opaquePorts) !== undefined
      const fix: Fix | undefined = own ? undefined : opaqueListFix(rest, [])
      for (const { port, index, outbound } of panicking) {
        const common = { confidence, severity: severityOf[confidence], fix } as const
        const list = whoseList(own, outbound, view)
        const [route] = outbound.routes
        if (outbound.because === 'route' && route)
          yield {
            message: 'route',
            path: ['spec', 'ports', index],
            data: { port, route: describe(route), list },
            ...common,
          } as const
        else
          yield {
            message: 'app-protocol',
            path: ['spec', 'ports', index, 'appProtocol'],
            data: {
              port,
              value: outbound.port?.appProtocol ?? '',
              list,
              remedy: own ? 'a list without it, or no appProtocol' : `${annotations.opaquePorts}: "${rest}"`,
            },
            ...common,
          } as const
      }
    },
  },
})

/** The Service's other ports that are opaque by the list that is in effect now. */
function listWithout(service: Resource<'Service'>, ports: readonly number[], view: PortView): string {
  return (service.spec.ports ?? [])
    .map((port) => port?.port)
    .filter((port) => typeof port === 'number')
    .filter((port) => !ports.includes(port) && outboundOf(service, port, view).profile)
    .join(',')
}

function whoseList(own: boolean, { list }: Outbound, { settings }: PortView): string {
  if (own) return `its own list "${list.value}"`
  return list.value === settings.opaquePorts
    ? 'the default list'
    : `the list "${list.value}", which the injector writes`
}
