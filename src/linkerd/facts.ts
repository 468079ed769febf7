/*
 * Linkerd's constants, with upstream path and release. Nowhere else in the code.
 * Release read: edge-26.8 (linkerd2 b24cd40), which agrees with 2.18–2.20 where not said otherwise.
 */

/** pkg/k8s/labels.go. The prefix of configuration annotations on Pods, Services and Namespaces. */
const config = 'config.linkerd.io/'

export const annotations = {
  /** pkg/k8s/labels.go ProxyInjectAnnotation */
  inject: 'linkerd.io/inject',
  opaquePorts: `${config}opaque-ports`,
  skipInboundPorts: `${config}skip-inbound-ports`,
  skipOutboundPorts: `${config}skip-outbound-ports`,
  inboundPort: `${config}inbound-port`,
  adminPort: `${config}admin-port`,
  controlPort: `${config}control-port`,
} as const

export const labels = {
  /** pkg/k8s/labels.go ControllerNSLabel: the one thing the controllers ask to know whether a Pod is meshed. */
  controlPlaneNamespace: 'linkerd.io/control-plane-ns',
  /** pkg/k8s/labels.go ControllerComponentLabel */
  controlPlaneComponent: 'linkerd.io/control-plane-component',
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

/** charts/linkerd-control-plane/values.yaml, proxy.opaquePorts. */
export const defaultOpaquePorts = '25,587,3306,4444,5432,6379,9300,11211'

/** pkg/k8s/labels.go ProxyContainerName: the container, or the native sidecar, that is the proxy. */
export const proxyContainerName = 'linkerd-proxy'

/** charts/linkerd-control-plane/values.yaml, proxyInjector.namespaceSelector: namespaces the injector is never called for. */
export const uninjectableNamespaces = ['kube-system', 'cert-manager'] as const

/**
 * A Pod's labels after injection (pkg/inject/inject.go): policies may select on them. The control plane's namespace is
 * taken to be `linkerd`.
 */
export function injectedLabels(
  own: Readonly<Record<string, string | null>>,
  owner: { readonly kind: string; readonly namespace: string; readonly name: string },
): Readonly<Record<string, string | null>> {
  const kind = owner.kind.toLowerCase()
  const ownerLabel = proxyOwnerKinds.has(kind) ? { [`linkerd.io/proxy-${kind}`]: owner.name } : {}
  return {
    [labels.controlPlaneNamespace]: controlPlaneNamespace,
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

/** Where the control plane lives unless it was told otherwise. */
export const controlPlaneNamespace = 'linkerd'

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
