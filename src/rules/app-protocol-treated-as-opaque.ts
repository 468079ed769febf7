import type { Resource } from '../k8s/resource.ts'
import { annotations } from '../linkerd/facts.ts'
import { clientsOfService } from '../linkerd/pods/mesh-clients.ts'
import { portsByRust } from '../linkerd/port-list.ts'
import { type InboundView, inboundReads } from '../linkerd/protocols/inbound-protocol.ts'
import { outboundOf } from '../linkerd/protocols/outbound-protocol.ts'
import { selectedBy } from '../linkerd/protocols/pod-selection.ts'
import { deniedByAppProtocol } from '../linkerd/protocols/protocol-conflicts.ts'
import { serverFirstPortsOf } from '../linkerd/protocols/server-first-ports.ts'
import { isTcp } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import { hasPort } from '../policy/port-set.ts'

export const appProtocolTreatedAsOpaque = defineRule({
  id: 'app-protocol-treated-as-opaque',
  severity: 'warning',
  judges: 'both',
  summary: 'An appProtocol that says HTTP in a word Linkerd does not know makes the port opaque.',
  why: `Linkerd (2.18 and later) reads two words as HTTP, in any case: \`http\` and \`kubernetes.io/h2c\`. Every other value means **opaque TCP**, and so do \`grpc\`, \`http2\`, \`h2c\` and \`ws\`, which other software understands as HTTP.

Nothing fails, and much is lost: requests are no longer balanced one by one (a gRPC client stays with one Pod), there are no HTTP metrics, retries or timeouts, and HTTPRoutes and GRPCRoutes on the port do nothing.`,
  remediation:
    'Write kubernetes.io/h2c for gRPC and HTTP/2, http for HTTP/1 and WebSockets, or leave appProtocol out: then Linkerd detects it.',
  limits: `No fix is written: ingress controllers and other meshes read the same field. Values that mean TLS (\`https\`, \`wss\`, \`tls\`) are right to be opaque, as far as Linkerd is concerned, and those of databases as well. Where a Server denies
what is sent (\`server-protocol-conflicts-opaque-port\`), that rule speaks. Information where nothing is known to be meshed. What Linkerd makes of each value was recorded from the real policy controller.`,
  sources: [
    'linkerd2 policy-controller/core/src/outbound.rs, policy-test/tests/outbound_api_app_protocol.rs (edge-26.8)',
    'https://linkerd.io/2/features/protocol-detection/',
  ],
  messages: {
    'looks-http':
      'port {{port}}: appProtocol {{value}} means opaque TCP to Linkerd, so that clients lose balancing by request, metrics, retries and routes; set appProtocol: {{instead}}{{after}}, or none',
  },
  reads: inboundReads,
  check: {
    *Service(service: Resource<'Service'>, view: InboundView) {
      const { spec } = service
      if (spec.clusterIP === 'None' || spec.type === 'ExternalName') return
      const pods = selectedBy(service, view)
      const serverFirst = serverFirstPortsOf(service, pods, view.settings)
      for (const [index, port] of (spec.ports ?? []).entries()) {
        const instead = http.get((port?.appProtocol ?? '').toLowerCase())
        if (!port || typeof port.port !== 'number' || !isTcp(port) || instead === undefined) continue
        const { kind, because, list } = outboundOf(service, port.port, view)
        if (kind !== 'opaque' || because !== 'app-protocol') continue
        if (serverFirst.some((one) => one.index === index)) continue
        if (deniedByAppProtocol(service, port.port, view)) continue
        const meshed = clientsOfService(service, pods, view)
        if (meshed === 'no') return
        // Declared HTTP and opaque at once, proxies panic.
        const listed = hasPort(portsByRust(list.value), port.port)
        yield {
          message: 'looks-http',
          path: ['spec', 'ports', index, 'appProtocol'],
          data: {
            port: port.port,
            value: port.appProtocol ?? '',
            instead,
            after: listed ? ` together with a list in ${annotations.opaquePorts} that leaves the port out` : '',
          },
          confidence: meshed === 'yes' ? 'high' : 'low',
          severity: meshed === 'yes' ? 'warning' : 'info',
        } as const
      }
    },
  },
})

/** Values, in lower case, that mean HTTP to others; and the value that means it to Linkerd. */
const http: ReadonlyMap<string, 'http' | 'kubernetes.io/h2c'> = new Map([
  ['grpc', 'kubernetes.io/h2c'],
  ['grpc-web', 'http'],
  ['h2c', 'kubernetes.io/h2c'],
  ['http/1.1', 'http'],
  ['http/2', 'kubernetes.io/h2c'],
  ['http1', 'http'],
  ['http2', 'kubernetes.io/h2c'],
  ['kubernetes.io/ws', 'http'],
  ['ws', 'http'],
])
