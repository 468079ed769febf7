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
  defaultInboundPolicy: `${config}default-inbound-policy`,
  inboundPort: `${config}inbound-port`,
  adminPort: `${config}admin-port`,
  controlPort: `${config}control-port`,
  /** pkg/k8s/labels.go ProxyDisableInboundProtocolDetectTimeout: a Go bool; true makes 10 s into 365 days. */
  disableInboundDetectTimeout: `${config}proxy-disable-inbound-protocol-detect-timeout`,
  disableOutboundDetectTimeout: `${config}proxy-disable-outbound-protocol-detect-timeout`,
} as const

/** Is this a key of Linkerd's own, core or extension: `linkerd.io/inject`, `viz.linkerd.io/tap-enabled`? */
export function isLinkerdKey(key: string): boolean {
  return /(?:^|\.)linkerd\.io\//.test(key)
}

/** The proxy's environment (charts/partials/templates/_proxy.tpl). */
export const proxyVariablePrefix = 'LINKERD2_PROXY_'

/** pkg/k8s/labels.go: what the injector writes on every Pod it injects. */
export const writtenAnnotations = {
  createdBy: 'linkerd.io/created-by',
  proxyVersion: 'linkerd.io/proxy-version',
  trustRoots: 'linkerd.io/trust-root-sha256',
} as const

/**
 * Annotations that blogs and chats recommend and that nothing in Linkerd reads (absent from chart, injector, controllers and
 * proxy of edge-26.8), with what does exist.
 */
export const absentAnnotations: Readonly<Record<string, string>> = {
  [`${config}protocol-detect-timeout`]: `mark the port with ${annotations.opaquePorts}; the only other knobs are ${annotations.disableInboundDetectTimeout} and ${annotations.disableOutboundDetectTimeout}, which take the limit away`,
  [`${config}proxy-protocol`]: `set appProtocol on the port of the Service, proxyProtocol in a Server, or ${annotations.opaquePorts}`,
}

/** policy-controller/core/src/outbound.rs: the values of `appProtocol` that say opaque in Linkerd's own words; any case. */
export const opaqueAppProtocols: ReadonlySet<string> = new Set(['linkerd.io/opaque', 'linkerd.io/tcp'])

/** Go's strconv.ParseBool: exactly these are true. Anything else in a bool's place is false or, with a warning, ignored. */
export const goTrue: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])

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

/** Where a cluster says how its Linkerd is set up (charts/linkerd-control-plane/templates: config.yaml, destination.yaml, proxy-injector-rbac.yaml). */
export const installation = {
  /** ConfigMap with the Helm values as YAML, under the key `values`. */
  config: 'linkerd-config',
  configKey: 'values',
  /** Deployment whose container of this name says how proxies reach each other. */
  destination: 'linkerd-destination',
  destinationContainer: 'destination',
  transportModeFlag: 'outbound-transport-mode',
} as const

/** Minor releases by the edge release they were cut from, newest first (linkerd.io's versions.yaml). */
export const minorsByEdge: readonly (readonly [year: number, month: number, patch: number, minor: number])[] = [
  [26, 6, 3, 20],
  [25, 10, 7, 19],
  [25, 4, 4, 18],
  [24, 11, 8, 17],
  [24, 8, 2, 16],
  [24, 2, 4, 15],
]

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

/**
 * Services that the API server calls, and the Secret each serves its certificate from (charts/linkerd-control-plane, viz and,
 * up to 2.18, jaeger: templates/proxy-injector-rbac.yaml, destination-rbac.yaml, tap-rbac.yaml, tap-injector-rbac.yaml).
 */
export const servingSecrets: ReadonlyMap<string, string> = new Map([
  ['linkerd-proxy-injector', 'linkerd-proxy-injector-k8s-tls'],
  ['linkerd-sp-validator', 'linkerd-sp-validator-k8s-tls'],
  ['linkerd-policy-validator', 'linkerd-policy-validator-k8s-tls'],
  ['tap-injector', 'tap-injector-k8s-tls'],
  ['jaeger-injector', 'jaeger-injector-k8s-tls'],
  ['tap', 'tap-k8s-tls'],
])

/** How the names of Linkerd's webhooks, and the group of its APIService, end. */
export const apiDomain = '.linkerd.io'

/** The Service whose server reads only PKCS#8 keys (linkerd-kubert tls_rustls.rs), all others read Go's three forms. */
export const pkcs8Service = 'linkerd-policy-validator'

/** Where the mesh's own certificates lie (pkg/k8s/labels.go, pkg/issuercerts/issuercerts.go, docs: certificate rotation). */
export const identity = {
  /** The issuer, as `crt.pem` or `tls.crt`, and with the latter the anchors as `ca.crt`. */
  issuerSecret: 'linkerd-identity-issuer',
  issuerKeys: ['crt.pem', 'tls.crt'],
  anchorsInIssuer: 'ca.crt',
  /** The anchors as every proxy gets them. */
  trustRoots: 'linkerd-identity-trust-roots',
  trustRootsKey: 'ca-bundle.crt',
  /** The Helm values, as YAML. */
  config: 'linkerd-config',
  configKey: 'values',
  configAnchors: 'identityTrustAnchorsPEM',
  /** By the documentation's name; cert-manager keeps the anchor there. */
  anchorSecret: 'linkerd-trust-anchor',
} as const

/** charts/linkerd-control-plane/templates/proxy-injector.yaml: the Service of the injector. */
export const injectorService = 'linkerd-proxy-injector'

/**
 * Pods of the control plane by component, and who dials which of their container ports, past their proxies' inbound port: the
 * proxies' own clients (charts/partials/templates/_proxy.tpl), and the API server for webhooks, by their Services
 * (charts/linkerd-control-plane/templates: identity.yaml, destination.yaml, proxy-injector.yaml).
 */
export const controlPlanePods = [
  { component: 'identity', proxies: [8080], apiServer: [], webhooks: [] },
  {
    component: 'destination',
    proxies: [8086, 8090],
    apiServer: [8443, 9443],
    webhooks: ['linkerd-policy-validator', 'linkerd-sp-validator'],
  },
  { component: 'proxy-injector', proxies: [], apiServer: [8443], webhooks: [injectorService] },
] as const
