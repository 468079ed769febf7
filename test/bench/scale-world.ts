/*
 * A made cluster of any size, as the API server would send it: each namespace has ten workloads of ten Pods, ten policies
 * and a Service for each workload. What one object has for neighbours does not depend on how many namespaces there are,
 * but for the policies that select over all of them.
 */

export interface WorldSize {
  readonly namespaces: number
  readonly workloads: number
  /** Of each workload. */
  readonly pods: number
  /** Of each namespace. */
  readonly policies: number
  /** Are there policies of other dialects beside the NetworkPolicies ({@link file://./dialects.ts})? */
  readonly dialects?: boolean
}

export type Wire = Readonly<Record<string, unknown>>

export function* namespacesOf({ namespaces }: WorldSize): Generator<Wire> {
  for (let n = 0; n < namespaces; n++) yield namespace(n, n % 10 === 9 ? 'disabled' : 'enabled')
}

export function namespace(n: number, inject: string): Wire {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: `ns-${n}`,
      labels: { 'kubernetes.io/metadata.name': `ns-${n}`, tier: `t${n % 20}` },
      annotations: { 'linkerd.io/inject': inject },
    },
  }
}

export function* deploymentsOf({ namespaces, workloads, pods }: WorldSize): Generator<Wire> {
  for (let n = 0; n < namespaces; n++) for (let w = 0; w < workloads; w++) yield deployment(n, w, pods)
}

export function deployment(n: number, w: number, replicas: number): Wire {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `app-${w}`, namespace: `ns-${n}` },
    spec: {
      replicas,
      selector: { matchLabels: { app: `app-${w}` } },
      template: { metadata: { labels: labelsOf(w) }, spec: podSpec(w) },
    },
  }
}

export function* podsOf({ namespaces, workloads, pods }: WorldSize): Generator<Wire> {
  for (let n = 0; n < namespaces; n++)
    for (let w = 0; w < workloads; w++) for (let p = 0; p < pods; p++) yield pod(n, w, p)
}

/** An admitted Pod of a ReplicaSet, with status and what else nobody reads. */
export function pod(n: number, w: number, p: number): Wire {
  const meshed = n % 10 !== 9
  const spec = podSpec(w)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `app-${w}-5d9c${n % 97}-${p.toString(36).padStart(5, 'x')}`,
      namespace: `ns-${n}`,
      uid: `${n}-${w}-${p}`,
      resourceVersion: String(n * 1000 + w * 100 + p),
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: {
        ...labelsOf(w),
        'pod-template-hash': `5d9c${n % 97}`,
        ...(meshed
          ? {
              'linkerd.io/control-plane-ns': 'linkerd',
              'linkerd.io/workload-ns': `ns-${n}`,
              'linkerd.io/proxy-deployment': `app-${w}`,
            }
          : {}),
      },
      annotations: { 'kubectl.kubernetes.io/restartedAt': `2026-01-01T00:00:${p}Z` },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `app-${w}-5d9c${n % 97}`, controller: true },
      ],
    },
    spec: meshed
      ? {
          ...spec,
          initContainers: [
            {
              name: 'linkerd-proxy',
              image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3',
              restartPolicy: 'Always',
              ports: [
                { name: 'linkerd-proxy', containerPort: 4143 },
                { name: 'linkerd-admin', containerPort: 4191 },
              ],
            },
          ],
        }
      : spec,
    status: { phase: 'Running', podIP: `10.${n % 250}.${w}.${p}`, conditions: [{ type: 'Ready', status: 'True' }] },
  }
}

export function* servicesOf({ namespaces, workloads }: WorldSize): Generator<Wire> {
  for (let n = 0; n < namespaces; n++) for (let w = 0; w < workloads; w++) yield service(n, w, 80)
}

function service(n: number, w: number, port: number): Wire {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `app-${w}`, namespace: `ns-${n}` },
    spec: { selector: { app: `app-${w}` }, ports: [{ name: 'http', port, targetPort: 8080 }] },
  }
}

export function* policiesOf({ namespaces, policies }: WorldSize): Generator<Wire> {
  for (let n = 0; n < namespaces; n++) for (let i = 0; i < policies; i++) yield policy(n, i)
}

/** Most talk within their namespace; some name another one, a tier of them, or all; most have the mesh's port. */
export function policy(n: number, i: number, withProxy = (n + i) % 7 !== 0): Wire {
  return policyOf(n, i, withProxy, `policy-${i}`)
}

function policyOf(n: number, i: number, withProxy: boolean, name: string): Wire {
  const peers: Readonly<Record<number, unknown>> = {
    6: {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ns-0' } },
      podSelector: { matchLabels: { app: 'app-1' } },
    },
    7: { namespaceSelector: { matchLabels: { tier: `t${n % 20}` } }, podSelector: { matchLabels: { app: 'app-2' } } },
    8: { namespaceSelector: {} },
    9: {
      namespaceSelector: {},
      podSelector: { matchExpressions: [{ key: 'role', operator: 'In', values: ['web', 'job'] }] },
    },
  }
  const from = [peers[i % 10] ?? { podSelector: { matchLabels: { app: `app-${(i + 1) % 10}` } } }]
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: `ns-${n}` },
    spec: {
      podSelector: { matchLabels: { app: `app-${i % 10}` } },
      policyTypes: ['Ingress'],
      ingress: [
        { from, ports: [{ port: 8080, protocol: 'TCP' }, ...(withProxy ? [{ port: 4143, protocol: 'TCP' }] : [])] },
      ],
    },
  }
}

function labelsOf(w: number) {
  return { app: `app-${w}`, role: ['web', 'db', 'job'][w % 3], team: `team-${w}` }
}

function podSpec(w: number) {
  return {
    serviceAccountName: 'default',
    containers: [
      {
        name: 'app',
        image: `ghcr.io/example/app-${w}:1.0`,
        ports: [{ name: 'http', containerPort: 8080 }],
        env: [{ name: 'LOG_LEVEL', value: 'info' }],
        resources: { requests: { cpu: '100m', memory: '128Mi' } },
      },
    ],
  }
}

/** What is asked of an API server: one review of each kind, about an object of namespace `n`; `i` tells it from others. */
export const reviewKinds: Readonly<Record<string, (n: number, i: number) => Wire>> = {
  'a policy for its own namespace': (n) => reviewOf('CREATE', newPolicy(n, 1, true)),
  'a policy for its own namespace, finding': (n) => reviewOf('CREATE', newPolicy(n, 1, false)),
  'a policy for a named namespace': (n) => reviewOf('CREATE', newPolicy(n, 6, true)),
  'a policy for a named namespace, finding': (n) => reviewOf('CREATE', newPolicy(n, 6, false)),
  'a policy for a tier': (n) => reviewOf('CREATE', newPolicy(n, 7, true)),
  'a policy for a tier, finding': (n) => reviewOf('CREATE', newPolicy(n, 7, false)),
  'a policy for everybody': (n) => reviewOf('CREATE', newPolicy(n, 8, true)),
  'a policy for everybody, finding': (n) => reviewOf('CREATE', newPolicy(n, 8, false)),
  'a policy for roles, finding': (n) => reviewOf('CREATE', newPolicy(n, 9, false)),
  'a policy that stays, update': (n) => reviewOf('UPDATE', policy(n, 3), policy(n, 3)),
  'a policy goes': (n) => reviewOf('DELETE', undefined, policy(n, 3)),
  'a Pod of a controller': (n, i) => reviewOf('CREATE', pod(n, 1, 100 + i)),
  'a Deployment': (n) => reviewOf('UPDATE', deployment(n, 1, 3), deployment(n, 1, 10)),
  'a new Deployment': (n) => reviewOf('CREATE', deployment(n, 11, 3)),
  'a Service': (n) => reviewOf('UPDATE', service(n, 1, 81), service(n, 1, 80)),
  'a Namespace that is meshed': (n) => reviewOf('UPDATE', namespace(n, 'enabled'), namespace(n, 'disabled')),
}

/** One that is not in the cluster yet, on Pods of another workload than its like has there. */
function newPolicy(n: number, i: number, withProxy: boolean): Wire {
  return policyOf(n, i, withProxy, 'new')
}

/** As an API server asks. */
export function reviewOf(operation: 'CREATE' | 'UPDATE' | 'DELETE', object: Wire | undefined, oldObject?: Wire): Wire {
  const { apiVersion, kind, metadata } = (object ?? oldObject) as Wire & {
    readonly apiVersion: string
    readonly metadata: { readonly name: string; readonly namespace?: string }
  }
  const [version, group = ''] = apiVersion.split('/').toReversed()
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '0b4f6b1e-51b6-4d4d-8f0e-2f3f7f1d2c3b',
      operation,
      kind: { group, version, kind },
      // Of a Namespace itself, its own name, as the API server says it.
      namespace: metadata.namespace ?? metadata.name,
      name: metadata.name,
      object: object ?? null,
      oldObject: oldObject ?? null,
    },
  }
}
