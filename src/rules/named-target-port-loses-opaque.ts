import type { View } from '../core/view.ts'
import type { Resource } from '../k8s/resource.ts'
import { confidenceIn, severityOf } from '../linkerd/protocols/certainty.ts'
import { opaqueListFix, opaqueListInWords } from '../linkerd/protocols/opaque-fix.ts'
import { openServicePorts, openServiceReads } from '../linkerd/protocols/open-service-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type PortView = View<(typeof openServiceReads)[number], LinkerdSettings>

export const namedTargetPortLosesOpaque = defineRule({
  id: 'named-target-port-loses-opaque',
  severity: 'error',
  judges: 'both',
  summary: 'A Service port that leads to a default opaque port by its name is not opaque for clients.',
  why: `Linkerd treats some container ports as opaque without being told: 3306, 5432, 6379 and others. For a Service on another port its injector writes the Service's port into
\`config.linkerd.io/opaque-ports\` when the Service is created; but it compares **numbers**. Behind \`targetPort: mysql\` it does not see 3306, and writes nothing.

So \`port: 13306, targetPort: mysql\` is detected, where \`targetPort: 3306\` would be opaque; and where the injector writes a list because of another port, that list replaces the defaults, and even \`port: 3306,
targetPort: mysql\` is detected. Each connection to a server that speaks first then waits 10 seconds.`,
  remediation:
    'List the Service port in config.linkerd.io/opaque-ports, or give targetPort its number (before the Service is created anew: the injector writes at creation only).',
  limits: `Where nobody waits for the server to speak (Redis, PostgreSQL), only connections that stay idle at first lose time: that is information. Services with a list of their own, or of their namespace, are
not this rule's: \`server-speaks-first-port-not-opaque\` judges them. What the injector writes was recorded from the real one; the wait was seen on real proxies.`,
  sources: [
    'linkerd2 pkg/inject/inject.go, CreateOpaquePortsPatch (edge-26.8)',
    'https://linkerd.io/2/features/protocol-detection/',
  ],
  messages: {
    'clients-wait':
      'port {{port}} ({{protocol}}) is not opaque: set {{remedy}}. It leads to container port {{target}} by the name "{{name}}", which the injector does not look up; the server speaks first here, and each connection of a meshed client waits 10 s',
    detected:
      'port {{port}} is not opaque: set {{remedy}}. It leads to container port {{target}}, a default opaque port, by the name "{{name}}", which the injector does not look up; connections that stay idle at first wait 10 s',
  },
  reads: openServiceReads,
  check: {
    *Service(service: Resource<'Service'>, view: PortView) {
      const open = openServicePorts(service, view)
      if (!open) return
      const fix = opaqueListFix(open.wanted, [])
      for (const { port, index, identified, behindName } of open.ports) {
        if (!behindName) continue
        const remedy = opaqueListInWords(open.wanted, port)
        const data = { port, target: behindName.number, name: behindName.name, remedy }
        const path = ['spec', 'ports', index]
        if (identified) {
          const confidence = confidenceIn(open.meshed, identified)
          const protocol = identified.protocol.name
          yield {
            message: 'clients-wait',
            path,
            data: { ...data, protocol },
            confidence,
            severity: severityOf[confidence],
            fix,
          } as const
        } else yield { message: 'detected', path, data, confidence: 'low', severity: 'info', fix } as const
      }
    },
  },
})
