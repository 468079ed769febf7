import type { Resource } from '../k8s/resource.ts'
import { describe } from '../k8s/resource.ts'
import { severityOf } from '../linkerd/protocols/certainty.ts'
import { protocolOf } from '../linkerd/protocols/inbound-protocol.ts'
import {
  type ConflictView,
  conflictReads,
  deniedByAppProtocol,
  opaqueDespite,
} from '../linkerd/protocols/protocol-conflicts.ts'
import { isTcp } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'

export const serverProtocolConflictsOpaquePort = defineRule({
  id: 'server-protocol-conflicts-opaque-port',
  severity: 'error',
  judges: 'both',
  summary: 'A Server that calls a port HTTP or gRPC denies every connection that clients send as opaque.',
  why: `Where a port is opaque for clients in the mesh, their proxy sends bytes and names no protocol. The proxy beside the server then authorizes a TCP connection, and a Server with \`proxyProtocol: HTTP/1\`, \`HTTP/2\` or
\`gRPC\` authorizes requests only: every connection is denied, whatever AuthorizationPolicies or \`accessPolicy\` say. The server's proxy logs \`Connection denied\`, the client's nothing at the usual level.

The trap that people fall into is \`appProtocol: grpc\`: for Linkerd that word means opaque, like every one that it does not know, and together with a Server \`gRPC\` it is a total outage for clients in the mesh. \`kubernetes.io/h2c\`, or no \`appProtocol\`,
works with the same Server. This pair was seen on real proxies.`,
  remediation:
    'For gRPC and HTTP/2 write appProtocol: kubernetes.io/h2c, for HTTP/1 appProtocol: http, or none. Where a list makes the port opaque, take it off the list, or set proxyProtocol: opaque in the Server.',
  limits: `An \`appProtocol\` is reported on the Service, a list on the Server; an object that comes later is not told of the other. Lists of a Service matter where every port travels by the proxy's own (Linkerd 2.18, not in
\`transparent\` mode); a Pod's list always. Pods that are not known to be in the mesh make it information.

Seen on real proxies: \`appProtocol: grpc\` with a Server \`gRPC\`, denied; in \`transparent\` mode it works. The other pairs are derived from the source.`,
  sources: [
    'linkerd2-proxy linkerd/app/inbound/src/policy/tcp.rs, check_authorized',
    'https://github.com/linkerd/linkerd2/issues/15188',
    'linkerd2 policy-controller/core/src/outbound.rs (edge-26.8)',
  ],
  messages: {
    'app-protocol-denied':
      'port {{port}}: appProtocol {{value}} means opaque to Linkerd, and Server {{server}} ({{says}}) denies every connection of clients in the mesh; set appProtocol: {{instead}}, or none',
    'list-denied':
      'port {{port}} of {{pod}} is opaque for clients in the mesh by the list "{{list}}"{{whose}}, and {{says}} denies every connection of theirs: take the port off that list, or set proxyProtocol: opaque',
  },
  reads: conflictReads,
  check: {
    *Service(service: Resource<'Service'>, view: ConflictView) {
      if (service.spec.clusterIP === 'None' || service.spec.type === 'ExternalName') return
      for (const [index, port] of (service.spec.ports ?? []).entries()) {
        if (!port || typeof port.port !== 'number' || !isTcp(port)) continue
        const denied = deniedByAppProtocol(service, port.port, view)
        if (!denied) continue
        const { server, meshed } = denied
        const confidence = meshed === 'yes' ? 'high' : 'low'
        yield {
          message: 'app-protocol-denied',
          path: ['spec', 'ports', index, 'appProtocol'],
          data: {
            port: port.port,
            value: port.appProtocol ?? '',
            server: server.name,
            says: server.spec.proxyProtocol ?? '',
            instead: protocolOf(server) === 'http1' ? 'http' : 'kubernetes.io/h2c',
          },
          confidence,
          severity: severityOf[confidence],
        } as const
      }
    },
    *Server(server: Resource<'Server'>, view: ConflictView) {
      const conflict = opaqueDespite(server, view)
      if (!conflict) return
      const { target, service, list } = conflict
      const confidence = target.meshed === 'yes' ? 'high' : 'low'
      const whose = service ? ` of ${describe(service)}` : ''
      yield {
        message: 'list-denied',
        path: ['spec', 'proxyProtocol'],
        data: { port: target.port, pod: describe(target.pod), list, whose, says: server.spec.proxyProtocol ?? '' },
        confidence,
        severity: severityOf[confidence],
      } as const
    },
  },
})
