import { labelSelector } from './label-selector.ts'
import {
  adminNetworkPolicy,
  type adminPeer,
  type adminPort,
  type adminSubject,
  baselineAdminNetworkPolicy,
  type calicoEntity,
  calicoGlobalNetworkPolicy,
  calicoNetworkPolicy,
  type calicoRule,
  calicoTier,
  type ciliumPortRule,
  type ciliumRule,
  ciliumSpec,
  clusterNetworkPolicy,
  type clusterProtocol,
  networkPolicy,
  type networkPolicyPeer,
  type networkPolicyPort,
} from './policy-shapes.ts'
import {
  anything,
  bool,
  both,
  type Fits,
  int,
  intOrText,
  list,
  map,
  named,
  type Shape,
  shared,
  struct,
  text,
} from './shape.ts'

/*
 * Kubernetes' wire shapes, as far as rules read them. Every member may be absent or null on the wire.
 * Source: k8s.io/api core/v1, apps/v1, batch/v1, networking/v1, admissionregistration/v1 types.go; Linkerd's CRDs
 * (policy.linkerd.io); the Gateway API; kube-aggregator's APIService; cert-manager.io/v1 types.go.
 */

const objectMeta = struct({
  name: text,
  generateName: text,
  namespace: text,
  labels: shared(map(text)),
  annotations: shared(map(text, 'annotations')),
  creationTimestamp: text,
  ownerReferences: shared(list(struct({ apiVersion: text, kind: text, name: text, controller: bool }))),
})

const securityContext = struct({
  runAsUser: int,
  runAsGroup: int,
  capabilities: struct({ add: list(text), drop: list(text) }),
})

const container = shared(
  struct({
    name: text,
    image: text,
    args: list(text),
    command: list(text),
    env: list(shared(named(struct({ name: text, value: text }), 'environment'))),
    ports: list(struct({ name: text, containerPort: int, protocol: text, hostPort: int })),
    restartPolicy: text,
    securityContext,
    // Not their names: that of the ServiceAccount's token is another one in every Pod.
    volumeMounts: list(struct({ mountPath: text })),
  }),
)

const podSpec = shared(
  struct({
    containers: list(container),
    initContainers: list(container),
    hostNetwork: bool,
    automountServiceAccountToken: bool,
    serviceAccountName: text,
    restartPolicy: text,
    securityContext: struct({
      runAsUser: int,
      runAsGroup: int,
      runAsNonRoot: bool,
      seccompProfile: struct({ type: text }),
    }),
  }),
)

const podTemplate = struct({ metadata: objectMeta, spec: podSpec })

const workload = struct({ replicas: int, selector: labelSelector, template: podTemplate })

const route = struct({
  parentRefs: list(struct({ group: text, kind: text, namespace: text, name: text, port: int })),
  rules: list(struct({ filters: list(struct({ type: text })) })),
})

const webhookConfiguration = struct({
  webhooks: list(
    struct({
      name: text,
      clientConfig: struct({
        url: text,
        service: struct({ name: text, namespace: text, port: int, path: text }),
        caBundle: text,
      }),
      rules: list(
        struct({
          apiGroups: list(text),
          apiVersions: list(text),
          operations: list(text),
          resources: list(text),
          scope: text,
        }),
      ),
      namespaceSelector: labelSelector,
      objectSelector: labelSelector,
      matchConditions: list(struct({ name: text, expression: text })),
      failurePolicy: text,
      matchPolicy: text,
    }),
  ),
})

const issuer = struct({ ca: struct({ secretName: text }), selfSigned: anything, acme: anything, vault: anything })

/** The spec of each kind that rules know, keyed by the name that rules use. */
const specs = {
  Namespace: struct({}),
  Pod: podSpec,
  Deployment: workload,
  StatefulSet: struct({ replicas: int, selector: labelSelector, serviceName: text, template: podTemplate }),
  DaemonSet: workload,
  ReplicaSet: workload,
  ReplicationController: struct({ replicas: int, selector: map(text), template: podTemplate }),
  Job: struct({ selector: labelSelector, template: podTemplate }),
  CronJob: struct({ jobTemplate: struct({ metadata: objectMeta, spec: struct({ template: podTemplate }) }) }),
  Service: struct({
    type: text,
    clusterIP: text,
    externalName: text,
    selector: map(text),
    publishNotReadyAddresses: bool,
    ports: list(
      struct({ name: text, protocol: text, appProtocol: text, port: int, targetPort: intOrText, nodePort: int }),
    ),
  }),
  NetworkPolicy: networkPolicy,
  AdminNetworkPolicy: adminNetworkPolicy,
  BaselineAdminNetworkPolicy: baselineAdminNetworkPolicy,
  ClusterNetworkPolicy: clusterNetworkPolicy,
  CiliumNetworkPolicy: ciliumSpec,
  CiliumClusterwideNetworkPolicy: ciliumSpec,
  CalicoNetworkPolicy: calicoNetworkPolicy,
  CalicoGlobalNetworkPolicy: calicoGlobalNetworkPolicy,
  CalicoTier: calicoTier,
  Server: struct({
    podSelector: labelSelector,
    externalWorkloadSelector: anything,
    port: intOrText,
    proxyProtocol: text,
    accessPolicy: text,
  }),
  GRPCRoute: route,
  HTTPRoute: route,
  PolicyHTTPRoute: route,
  TCPRoute: route,
  TLSRoute: route,
  MutatingWebhookConfiguration: webhookConfiguration,
  ValidatingWebhookConfiguration: webhookConfiguration,
  APIService: struct({
    group: text,
    service: struct({ name: text, namespace: text, port: int }),
    caBundle: text,
    insecureSkipTLSVerify: bool,
  }),
  Certificate: struct({
    secretName: text,
    dnsNames: list(text),
    isCA: bool,
    duration: text,
    renewBefore: text,
    usages: list(text),
    privateKey: struct({ algorithm: text, encoding: text, size: int }),
    issuerRef: struct({ group: text, kind: text, name: text }),
  }),
  Issuer: issuer,
  ClusterIssuer: issuer,
  ConfigMap: struct({ data: map(text) }),
  Secret: struct({ type: text, data: map(text), stringData: map(text) }),
} as const

/** The name rules use for a kind. Equals Kubernetes' kind where that is unambiguous. */
export type KindName = keyof typeof specs

/** What is known of a kind: how to find it on the wire, where it lives, what its spec looks like. */
export interface Kind {
  readonly group: string
  /** Other groups that serve the same objects. */
  readonly alsoIn?: readonly string[]
  readonly kind: string
  /** Lower-case plural, as in RBAC and webhook rules. */
  readonly resource: string
  readonly namespaced: boolean
  /** Has no `spec`: its members lie beside `metadata`, and the whole object is what {@link Spec} describes. */
  readonly flat?: true
  /**
   * False: judged where somebody hands it over, never listed, watched or asked for in a cluster, and in no RBAC or webhook
   * rule. Of Secrets nobody may want to see all; of ConfigMaps there are many, and two of them matter.
   */
  readonly watched?: false
}

/** Group and kind decide, not version: a version is only a spelling of the same object. */
export const kinds: Readonly<Record<KindName, Kind>> = {
  Namespace: { group: '', kind: 'Namespace', resource: 'namespaces', namespaced: false },
  Pod: { group: '', kind: 'Pod', resource: 'pods', namespaced: true },
  Deployment: { group: 'apps', kind: 'Deployment', resource: 'deployments', namespaced: true },
  StatefulSet: { group: 'apps', kind: 'StatefulSet', resource: 'statefulsets', namespaced: true },
  DaemonSet: { group: 'apps', kind: 'DaemonSet', resource: 'daemonsets', namespaced: true },
  ReplicaSet: { group: 'apps', kind: 'ReplicaSet', resource: 'replicasets', namespaced: true },
  ReplicationController: {
    group: '',
    kind: 'ReplicationController',
    resource: 'replicationcontrollers',
    namespaced: true,
  },
  Job: { group: 'batch', kind: 'Job', resource: 'jobs', namespaced: true },
  CronJob: { group: 'batch', kind: 'CronJob', resource: 'cronjobs', namespaced: true },
  Service: { group: '', kind: 'Service', resource: 'services', namespaced: true },
  NetworkPolicy: { group: 'networking.k8s.io', kind: 'NetworkPolicy', resource: 'networkpolicies', namespaced: true },
  AdminNetworkPolicy: {
    group: 'policy.networking.k8s.io',
    kind: 'AdminNetworkPolicy',
    resource: 'adminnetworkpolicies',
    namespaced: false,
  },
  BaselineAdminNetworkPolicy: {
    group: 'policy.networking.k8s.io',
    kind: 'BaselineAdminNetworkPolicy',
    resource: 'baselineadminnetworkpolicies',
    namespaced: false,
  },
  ClusterNetworkPolicy: {
    group: 'policy.networking.k8s.io',
    kind: 'ClusterNetworkPolicy',
    resource: 'clusternetworkpolicies',
    namespaced: false,
  },
  CiliumNetworkPolicy: {
    group: 'cilium.io',
    kind: 'CiliumNetworkPolicy',
    resource: 'ciliumnetworkpolicies',
    namespaced: true,
  },
  CiliumClusterwideNetworkPolicy: {
    group: 'cilium.io',
    kind: 'CiliumClusterwideNetworkPolicy',
    resource: 'ciliumclusterwidenetworkpolicies',
    namespaced: false,
  },
  // What people write, and what Calico stores where its API server is not installed.
  CalicoNetworkPolicy: {
    group: 'projectcalico.org',
    alsoIn: ['crd.projectcalico.org'],
    kind: 'NetworkPolicy',
    resource: 'networkpolicies',
    namespaced: true,
  },
  CalicoGlobalNetworkPolicy: {
    group: 'projectcalico.org',
    alsoIn: ['crd.projectcalico.org'],
    kind: 'GlobalNetworkPolicy',
    resource: 'globalnetworkpolicies',
    namespaced: false,
  },
  CalicoTier: {
    group: 'projectcalico.org',
    alsoIn: ['crd.projectcalico.org'],
    kind: 'Tier',
    resource: 'tiers',
    namespaced: false,
  },
  Server: { group: 'policy.linkerd.io', kind: 'Server', resource: 'servers', namespaced: true },
  GRPCRoute: { group: 'gateway.networking.k8s.io', kind: 'GRPCRoute', resource: 'grpcroutes', namespaced: true },
  HTTPRoute: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', resource: 'httproutes', namespaced: true },
  PolicyHTTPRoute: { group: 'policy.linkerd.io', kind: 'HTTPRoute', resource: 'httproutes', namespaced: true },
  TCPRoute: { group: 'gateway.networking.k8s.io', kind: 'TCPRoute', resource: 'tcproutes', namespaced: true },
  TLSRoute: { group: 'gateway.networking.k8s.io', kind: 'TLSRoute', resource: 'tlsroutes', namespaced: true },
  MutatingWebhookConfiguration: {
    group: 'admissionregistration.k8s.io',
    kind: 'MutatingWebhookConfiguration',
    resource: 'mutatingwebhookconfigurations',
    namespaced: false,
    flat: true,
  },
  ValidatingWebhookConfiguration: {
    group: 'admissionregistration.k8s.io',
    kind: 'ValidatingWebhookConfiguration',
    resource: 'validatingwebhookconfigurations',
    namespaced: false,
    flat: true,
  },
  APIService: { group: 'apiregistration.k8s.io', kind: 'APIService', resource: 'apiservices', namespaced: false },
  Certificate: { group: 'cert-manager.io', kind: 'Certificate', resource: 'certificates', namespaced: true },
  Issuer: { group: 'cert-manager.io', kind: 'Issuer', resource: 'issuers', namespaced: true },
  ClusterIssuer: { group: 'cert-manager.io', kind: 'ClusterIssuer', resource: 'clusterissuers', namespaced: false },
  ConfigMap: { group: '', kind: 'ConfigMap', resource: 'configmaps', namespaced: true, flat: true, watched: false },
  Secret: { group: '', kind: 'Secret', resource: 'secrets', namespaced: true, flat: true, watched: false },
}

/** What kinds have beside `metadata` and `spec`. */
const besideSpec: { readonly [K in KindName]?: Readonly<Record<string, Shape<unknown>>> } = {
  CiliumNetworkPolicy: { specs: list(ciliumSpec) },
  CiliumClusterwideNetworkPolicy: { specs: list(ciliumSpec) },
}

/** Can the kind be followed in a cluster? */
export function isWatched(kind: KindName): boolean {
  return kinds[kind].watched !== false
}

const anyMeta = struct({ metadata: objectMeta })

/** The whole object of a kind, for the door ({@link readResource}). */
export const shapes: Readonly<Record<string, Shape<unknown>>> = Object.fromEntries(
  Object.entries(specs).map(([name, spec]): [string, Shape<unknown>] => [
    name,
    kinds[name as KindName].flat
      ? both(anyMeta, spec)
      : struct({ metadata: objectMeta, spec, ...besideSpec[name as KindName] }),
  ]),
)

export type ObjectMeta = NonNullable<Fits<typeof objectMeta>>
export type LabelSelector = NonNullable<Fits<typeof labelSelector>>
export type Container = NonNullable<Fits<typeof container>>
export type PodSpec = NonNullable<Fits<typeof podSpec>>
export type NetworkPolicyPeer = NonNullable<Fits<typeof networkPolicyPeer>>
export type NetworkPolicyPort = NonNullable<Fits<typeof networkPolicyPort>>

export type AdminSubject = NonNullable<Fits<typeof adminSubject>>
export type AdminPeer = NonNullable<Fits<typeof adminPeer>>
export type AdminPort = NonNullable<Fits<typeof adminPort>>
export type ClusterProtocol = NonNullable<Fits<typeof clusterProtocol>>
export type CiliumRule = NonNullable<Fits<typeof ciliumRule>>
export type CiliumPortRule = NonNullable<Fits<typeof ciliumPortRule>>
export type CalicoEntity = NonNullable<Fits<typeof calicoEntity>>
export type CalicoRule = NonNullable<Fits<typeof calicoRule>>

/** The spec of a kind. Never null: an absent spec reads as an empty one. */
export type Spec<K extends KindName> = NonNullable<Fits<(typeof specs)[K]>>

/** Kinds that carry a pod template. */
export type WorkloadKind =
  | 'Deployment'
  | 'StatefulSet'
  | 'DaemonSet'
  | 'ReplicaSet'
  | 'ReplicationController'
  | 'Job'
  | 'CronJob'
