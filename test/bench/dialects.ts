import type { KindName } from '../../src/k8s/kinds.ts'
import { reviewOf, type Wire, type WorldSize } from './scale-world.ts'

/*
 * Policies of the other dialects: one or two in each namespace, and a few about the whole cluster, as many in a large one as in
 * a small one.
 */

/** The made policies of a kind; none for other kinds. */
export function dialectsOf(kind: KindName, { namespaces }: WorldSize): Iterable<Wire> {
  const each = (make: (n: number) => Wire) => Array.from({ length: namespaces }, (_, n) => make(n))
  switch (kind) {
    case 'CiliumNetworkPolicy':
      return each((n) => cilium(n, 'web', 1))
    case 'CalicoNetworkPolicy':
      return each((n) => calico(n, 'db', n % 2 === 0))
    case 'CiliumClusterwideNetworkPolicy':
      return [ciliumWide('dns', 'kube-system'), ciliumWide('first', 'ns-0')]
    case 'CalicoGlobalNetworkPolicy':
      return [calicoWide('jobs', 'job')]
    case 'AdminNetworkPolicy':
      return [admin('tier-1', 't1', 8080), admin('tier-2', 't2', 9090)]
    case 'BaselineAdminNetworkPolicy':
      return [{ ...admin('default', 't3', 8080), kind: 'BaselineAdminNetworkPolicy', spec: adminSpec('t3', 8080) }]
    case 'ClusterNetworkPolicy':
      return [cluster('tier-4', 't4')]
    default:
      return []
  }
}

/** Reviews of policies of the other dialects, about namespace `n`. */
export const dialectReviews: Readonly<Record<string, (n: number) => Wire>> = {
  'a Cilium policy for its own namespace': (n) => reviewOf('CREATE', cilium(n, 'new', 2)),
  'a Cilium policy of the cluster for one namespace': (n) => reviewOf('CREATE', ciliumWide('new', `ns-${n}`)),
  'a Calico policy, finding': (n) => reviewOf('CREATE', calico(n, 'new', false)),
}

function object(apiVersion: string, kind: string, name: string, namespace: string | undefined, spec: object): Wire {
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec }
}

function cilium(n: number, name: string, w: number): Wire {
  return object('cilium.io/v2', 'CiliumNetworkPolicy', name, `ns-${n}`, {
    endpointSelector: { matchLabels: { app: `app-${w}` } },
    ingress: [{ fromEndpoints: [{ matchLabels: { role: 'web' } }], toPorts: [ciliumPorts(8080, 4143)] }],
    ingressDeny: [{ fromEndpoints: [{ matchLabels: { role: 'db' } }], toPorts: [ciliumPorts(9090)] }],
  })
}

function ciliumPorts(...ports: number[]): object {
  return { ports: ports.map((port) => ({ port: String(port), protocol: 'TCP' })) }
}

function ciliumWide(name: string, namespace: string): Wire {
  return object('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', name, undefined, {
    endpointSelector: { matchLabels: { 'k8s:io.kubernetes.pod.namespace': namespace } },
    ingress: [{ fromEndpoints: [{ matchLabels: { app: 'app-1' } }], toPorts: [ciliumPorts(8080, 4143)] }],
  })
}

function calico(n: number, name: string, withProxy: boolean): Wire {
  return object('projectcalico.org/v3', 'NetworkPolicy', name, `ns-${n}`, {
    order: 500,
    selector: "app == 'app-3'",
    types: ['Ingress'],
    ingress: [
      {
        action: 'Allow',
        protocol: 'TCP',
        source: { selector: "role == 'job'" },
        destination: { ports: withProxy ? [8080, 4143] : [8080] },
      },
    ],
  })
}

function calicoWide(name: string, role: string): Wire {
  return object('projectcalico.org/v3', 'GlobalNetworkPolicy', name, undefined, {
    order: 900,
    selector: `role == '${role}'`,
    namespaceSelector: "tier == 't5'",
    types: ['Ingress'],
    ingress: [
      { action: 'Pass', protocol: 'TCP', source: { selector: "app == 'app-1'" }, destination: { ports: [8080, 4143] } },
    ],
  })
}

function adminSpec(tier: string, port: number): object {
  const listed = [8080, port, 4143].map((number) => ({ portNumber: { protocol: 'TCP', port: number } }))
  return {
    subject: { namespaces: { matchLabels: { tier } } },
    ingress: [{ action: 'Allow', from: [{ namespaces: { matchLabels: { tier } } }], ports: listed }],
  }
}

function admin(name: string, tier: string, port: number): Wire {
  return object('policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy', name, undefined, {
    priority: 10,
    ...adminSpec(tier, port),
  })
}

function cluster(name: string, tier: string): Wire {
  return object('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', name, undefined, {
    tier: 'Admin',
    priority: 20,
    subject: { namespaces: { matchLabels: { tier } } },
    ingress: [
      {
        action: 'Accept',
        from: [{ namespaces: { matchLabels: { tier } } }],
        protocols: [8080, 4143].map((number) => ({ tcp: { destinationPort: { number } } })),
      },
    ],
  })
}
