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

export const objectMeta = struct({
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
export const specs = {
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

/** What kinds have beside `metadata` and `spec`. */
export const besideSpec: { readonly [K in keyof typeof specs]?: Readonly<Record<string, Shape<unknown>>> } = {
  CiliumNetworkPolicy: { specs: list(ciliumSpec) },
  CiliumClusterwideNetworkPolicy: { specs: list(ciliumSpec) },
}

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
export type Spec<K extends keyof typeof specs> = NonNullable<Fits<(typeof specs)[K]>>
