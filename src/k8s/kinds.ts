import { both, type Shape, struct } from './shape.ts'
import { besideSpec, objectMeta, specs } from './spec-shapes.ts'

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
  /** Has no `spec`: its members lie beside `metadata`, and the whole object is what its shape in {@link file://./spec-shapes.ts} describes. */
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

/** Kinds that carry a pod template. */
export type WorkloadKind =
  | 'Deployment'
  | 'StatefulSet'
  | 'DaemonSet'
  | 'ReplicaSet'
  | 'ReplicationController'
  | 'Job'
  | 'CronJob'
