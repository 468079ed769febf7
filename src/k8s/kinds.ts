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
import { anything, bool, type Fits, int, intOrText, list, map, type Shape, struct, text } from './shape.ts'

/*
 * Kubernetes' wire shapes, as far as rules read them. Every member may be absent or null on the wire.
 * Source: k8s.io/api core/v1, apps/v1, batch/v1, networking/v1 types.go; Linkerd's Server CRD (policy.linkerd.io).
 */

const objectMeta = struct({
  name: text,
  generateName: text,
  namespace: text,
  labels: map(text),
  annotations: map(text),
  creationTimestamp: text,
  ownerReferences: list(struct({ apiVersion: text, kind: text, name: text, controller: bool })),
})

const container = struct({
  name: text,
  image: text,
  args: list(text),
  command: list(text),
  env: list(struct({ name: text, value: text })),
  ports: list(struct({ name: text, containerPort: int, protocol: text, hostPort: int })),
  restartPolicy: text,
  volumeMounts: list(struct({ name: text, mountPath: text })),
})

const podSpec = struct({
  containers: list(container),
  initContainers: list(container),
  hostNetwork: bool,
  automountServiceAccountToken: bool,
  serviceAccountName: text,
})

const podTemplate = struct({ metadata: objectMeta, spec: podSpec })

const workload = struct({ replicas: int, selector: labelSelector, template: podTemplate })

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
}

/** What kinds have beside `metadata` and `spec`. */
const besideSpec: { readonly [K in KindName]?: Readonly<Record<string, Shape<unknown>>> } = {
  CiliumNetworkPolicy: { specs: list(ciliumSpec) },
  CiliumClusterwideNetworkPolicy: { specs: list(ciliumSpec) },
}

/** The whole object of a kind, for the door ({@link readResource}). */
export const shapes = Object.fromEntries(
  (Object.keys(specs) as KindName[]).map((name) => [
    name,
    struct({ metadata: objectMeta, spec: specs[name], ...besideSpec[name] }),
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
