import { anything, bool, type Fits, int, intOrText, list, map, struct, text } from './shape.ts'

/*
 * Kubernetes' wire shapes, as far as rules read them. Every member may be absent or null on the wire.
 * Source: k8s.io/api core/v1, apps/v1, batch/v1, networking/v1, admissionregistration/v1 types.go; Linkerd's Server CRD (policy.linkerd.io).
 */

const labelSelector = struct({
  matchLabels: map(text),
  matchExpressions: list(struct({ key: text, operator: text, values: list(text) })),
})

const objectMeta = struct({
  name: text,
  generateName: text,
  namespace: text,
  labels: map(text),
  annotations: map(text),
  creationTimestamp: text,
  ownerReferences: list(struct({ apiVersion: text, kind: text, name: text, controller: bool })),
})

const securityContext = struct({
  runAsUser: int,
  runAsGroup: int,
  capabilities: struct({ add: list(text), drop: list(text) }),
})

const container = struct({
  name: text,
  image: text,
  args: list(text),
  command: list(text),
  env: list(struct({ name: text, value: text })),
  ports: list(struct({ name: text, containerPort: int, protocol: text, hostPort: int })),
  restartPolicy: text,
  securityContext,
  volumeMounts: list(struct({ name: text, mountPath: text })),
})

const podSpec = struct({
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
})

const podTemplate = struct({ metadata: objectMeta, spec: podSpec })

const workload = struct({ replicas: int, selector: labelSelector, template: podTemplate })

const networkPolicyPeer = struct({
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: struct({ cidr: text, except: list(text) }),
})

const networkPolicyPort = struct({ protocol: text, port: intOrText, endPort: int })

const webhookConfiguration = struct({
  webhooks: list(
    struct({
      name: text,
      clientConfig: struct({
        url: text,
        service: struct({ name: text, namespace: text, port: int }),
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
    }),
  ),
})

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
  NetworkPolicy: struct({
    podSelector: labelSelector,
    policyTypes: list(text),
    ingress: list(struct({ from: list(networkPolicyPeer), ports: list(networkPolicyPort) })),
    egress: list(struct({ to: list(networkPolicyPeer), ports: list(networkPolicyPort) })),
  }),
  Server: struct({
    podSelector: labelSelector,
    externalWorkloadSelector: anything,
    port: intOrText,
    proxyProtocol: text,
    accessPolicy: text,
  }),
  MutatingWebhookConfiguration: webhookConfiguration,
} as const

/** The name rules use for a kind. Equals Kubernetes' kind where that is unambiguous. */
export type KindName = keyof typeof specs

/** What is known of a kind: how to find it on the wire, where it lives, what its spec looks like. */
export interface Kind {
  readonly group: string
  readonly kind: string
  /** Lower-case plural, as in RBAC and webhook rules. */
  readonly resource: string
  readonly namespaced: boolean
  /** Has no `spec`: its members lie beside `metadata`, and the whole object is what {@link Spec} describes. */
  readonly flat?: true
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
  Server: { group: 'policy.linkerd.io', kind: 'Server', resource: 'servers', namespaced: true },
  MutatingWebhookConfiguration: {
    group: 'admissionregistration.k8s.io',
    kind: 'MutatingWebhookConfiguration',
    resource: 'mutatingwebhookconfigurations',
    namespaced: false,
    flat: true,
  },
}

/** The whole object of a kind, for the door ({@link readResource}). */
export const shapes = Object.fromEntries(
  Object.entries(specs).map(([name, spec]) => [
    name,
    kinds[name as KindName].flat
      ? { check: (value: unknown) => struct({ metadata: objectMeta }).check(value) ?? spec.check(value) }
      : struct({ metadata: objectMeta, spec }),
  ]),
)

export type ObjectMeta = NonNullable<Fits<typeof objectMeta>>
export type LabelSelector = NonNullable<Fits<typeof labelSelector>>
export type Container = NonNullable<Fits<typeof container>>
export type PodSpec = NonNullable<Fits<typeof podSpec>>
export type NetworkPolicyPeer = NonNullable<Fits<typeof networkPolicyPeer>>
export type NetworkPolicyPort = NonNullable<Fits<typeof networkPolicyPort>>

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
