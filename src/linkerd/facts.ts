/*
 * Linkerd's constants, with upstream path and release. Nowhere else in the code.
 * Release read: edge-26.8 (linkerd2 b24cd40), which agrees with 2.18–2.20 where not said otherwise.
 */

/** pkg/k8s/labels.go. The prefix of configuration annotations on Pods, Services and Namespaces. */
const config = 'config.linkerd.io/'

/** pkg/k8s/labels.go Prefix: of everything else that is Linkerd's. */
export const ownPrefix = 'linkerd.io/'

/** pkg/k8s/labels.go ProxyConfigAnnotationsPrefix and its forms for what is not settled yet. */
export const configPrefixes = {
  stable: config,
  beta: 'config.beta.linkerd.io/',
  alpha: 'config.alpha.linkerd.io/',
} as const

export const annotations = {
  /** pkg/k8s/labels.go ProxyInjectAnnotation */
  inject: 'linkerd.io/inject',
  opaquePorts: `${config}opaque-ports`,
  skipInboundPorts: `${config}skip-inbound-ports`,
  skipOutboundPorts: `${config}skip-outbound-ports`,
  skipSubnets: `${config}skip-subnets`,
  inboundPort: `${config}inbound-port`,
  adminPort: `${config}admin-port`,
  controlPort: `${config}control-port`,
} as const

/** pkg/k8s/labels.go: what the injector writes on every Pod it injects. */
export const writtenAnnotations = {
  createdBy: 'linkerd.io/created-by',
  proxyVersion: 'linkerd.io/proxy-version',
  trustRoots: 'linkerd.io/trust-root-sha256',
} as const

export const labels = {
  /** pkg/k8s/labels.go ControllerNSLabel: the one thing the controllers ask to know whether a Pod is meshed. */
  controlPlaneNamespace: 'linkerd.io/control-plane-ns',
  /** pkg/k8s/labels.go ControllerComponentLabel */
  controlPlaneComponent: 'linkerd.io/control-plane-component',
  /** charts/linkerd2-cni; excluded, like the one above, by the chart's proxyInjector.objectSelector */
  cniResource: 'linkerd.io/cni-resource',
  /** pkg/k8s/labels.go WorkloadNamespaceLabel: the Pod's own. */
  workloadNamespace: 'linkerd.io/workload-ns',
  /** On the control plane's own namespace (charts/linkerd-control-plane/templates/namespace.yaml). */
  isControlPlane: 'linkerd.io/is-control-plane',
  /** charts/linkerd-control-plane/values.yaml, proxyInjector.namespaceSelector */
  admissionWebhooks: 'config.linkerd.io/admission-webhooks',
} as const

/** charts/linkerd-control-plane/values.yaml, proxy.ports.inbound: where meshed traffic arrives on the wire. */
export const inboundPort = 4143

/** charts/linkerd-control-plane/values.yaml, proxy.ports. */
export const proxyPorts = { admin: 4191, control: 4190 } as const

/** controller/api/destination/endpoint_translator.go: where the controller reads the ports of a proxy that is there. */
export const proxyListenVariables = {
  inbound: 'LINKERD2_PROXY_INBOUND_LISTEN_ADDR',
  admin: 'LINKERD2_PROXY_ADMIN_LISTEN_ADDR',
  control: 'LINKERD2_PROXY_CONTROL_LISTEN_ADDR',
} as const

/** charts/linkerd-control-plane/values.yaml, proxy.opaquePorts. */
export const defaultOpaquePorts = '25,587,3306,4444,5432,6379,9300,11211'

/** pkg/k8s/labels.go ProxyContainerName: the container, or the native sidecar, that is the proxy. */
export const proxyContainerName = 'linkerd-proxy'

/** charts/linkerd-control-plane/templates/proxy-injector-rbac.yaml: how the injector's webhook calls itself. */
export const injectorWebhookName = 'linkerd-proxy-injector.linkerd.io'

/** charts/linkerd-control-plane/values.yaml, proxyInjector.namespaceSelector: namespaces the injector is never called for. */
export const uninjectableNamespaces = ['kube-system', 'cert-manager'] as const

/** A Pod's labels after injection by a control plane (pkg/inject/inject.go): policies may select on them. */
export function injectedLabels(
  own: Readonly<Record<string, string | null>>,
  owner: { readonly kind: string; readonly namespace: string; readonly name: string },
  controlPlane: string,
): Readonly<Record<string, string | null>> {
  const kind = owner.kind.toLowerCase()
  const ownerLabel = proxyOwnerKinds.has(kind) ? { [`linkerd.io/proxy-${kind}`]: owner.name } : {}
  return {
    [labels.controlPlaneNamespace]: controlPlane,
    [labels.workloadNamespace]: owner.namespace,
    ...ownerLabel,
    ...own,
  }
}

/** Owners the injector names in a label: not CronJobs, not bare Pods. */
const proxyOwnerKinds = new Set([
  'deployment',
  'replicaset',
  'replicationcontroller',
  'job',
  'daemonset',
  'statefulset',
])

/** Kubernetes' pod-security-admission: the level a Namespace enforces. */
export const podSecurityLabel = 'pod-security.kubernetes.io/enforce'

/** Where the control plane lives unless it was told otherwise. */
export const controlPlaneNamespace = 'linkerd'

/** charts/linkerd-control-plane/values.yaml, proxy.* and proxyInit.*: what holds where no annotation says otherwise. */
export const defaultProxy = {
  image: 'cr.l5d.io/linkerd/proxy',
  initImage: 'cr.l5d.io/linkerd/proxy-init',
  debugImage: 'cr.l5d.io/linkerd/debug',
  pullPolicy: 'IfNotPresent',
  outboundPort: 4140,
  /** The user whose traffic linkerd-init leaves alone. */
  uid: 2102,
  logLevel: 'warn,linkerd=info,hickory=error',
  skipPorts: '4567,4568',
} as const

/** Names of the ports that the injected proxy declares (charts/partials/templates/_proxy.tpl). */
export const proxyPortNames = { inbound: 'linkerd-proxy', admin: 'linkerd-admin' } as const

/** charts/linkerd-control-plane/values.yaml, proxyInit.ignoreInboundPorts: Galera. An annotation replaces it. */
export const defaultSkipPorts = '4567,4568'
