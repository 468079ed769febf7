import type { NamespacePattern } from '../core/namespace-pattern.ts'
import type { CertificateWorld } from './certificates/certificate.ts'
import { controlPlaneNamespace, defaultOpaquePorts, inboundPort, proxyPorts } from './facts.ts'
import type { WebhookChoice } from './injection/injector-webhook.ts'
import type { Protocol } from './protocols/protocol.ts'

/**
 * What is true of this cluster's Linkerd, beyond single objects. Defaults are Linkerd's own ({@link file://./facts.ts});
 * configuration, later the cluster itself, says otherwise.
 */
export interface LinkerdSettings {
  /** Where the control plane lives. Files may tell of another one. */
  readonly controlPlaneNamespace: string
  /** How meshed proxies reach each other (Helm `proxy.outboundTransportMode`). */
  readonly transportMode: 'transport-header' | 'transparent'
  /** Helm `proxy.ports`. */
  readonly inboundPort: number
  readonly adminPort: number
  readonly controlPort: number
  /** Helm `proxy.opaquePorts`, in the annotation's grammar. */
  readonly opaquePorts: string
  /** Minor release, e.g. 2.17 as 17: 2.18 and later read `appProtocol`. */
  readonly minor: number
  /** Helm `identity.serviceAccountTokenProjection`. */
  readonly serviceAccountTokenProjection: boolean
  /** Helm `cniEnabled`: no linkerd-init, so that nobody needs NET_ADMIN. */
  readonly cniEnabled: boolean
  /** Helm `proxy.nativeSidecar`: by the release, it is on since 2.20. */
  readonly nativeSidecar: 'by-release' | 'enabled' | 'disabled'
  /** Helm `proxyInit.runAsRoot`. */
  readonly proxyInitRunAsRoot: boolean
  /** The release of the next upgrade, e.g. 2.20 as 20. */
  readonly nextMinor: number
  /** CIDRs in which Pods may live (Helm `clusterNetworks`, or the Pod CIDRs where known). */
  readonly clusterNetworks: readonly string[]
  /** Namespaces whose Pods must be meshed, whatever their annotations say. */
  readonly requireInjection: readonly NamespacePattern[]
  /** Protocols of this cluster's own software, beside those of the catalogue. */
  readonly protocols: readonly Protocol[]
  /** What to think of Pods whose namespace is not known: `--assume-meshed`, `--assume-unmeshed`. */
  readonly assume: 'annotations' | 'meshed' | 'unmeshed'
  /** Which objects the API server sends to the injector: any of these; undefined where no webhook of it is known. */
  readonly injector: readonly WebhookChoice[] | undefined
  /** Days before its end from which a certificate is worth a warning, and an error. Short-lived ones have shorter windows. */
  readonly certificateWarningDays: number
  readonly certificateErrorDays: number
  /** Who reads certificates, and when. Without it, nothing is said about them. */
  readonly certificates: CertificateWorld | undefined
}

export const defaultSettings: LinkerdSettings = {
  controlPlaneNamespace,
  transportMode: 'transport-header',
  inboundPort,
  adminPort: proxyPorts.admin,
  controlPort: proxyPorts.control,
  opaquePorts: defaultOpaquePorts,
  minor: 20,
  serviceAccountTokenProjection: true,
  cniEnabled: false,
  nativeSidecar: 'by-release',
  proxyInitRunAsRoot: false,
  nextMinor: 20,
  clusterNetworks: ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'],
  requireInjection: [],
  protocols: [],
  assume: 'annotations',
  injector: undefined,
  certificateWarningDays: 30,
  certificateErrorDays: 7,
  certificates: undefined,
}

/**
 * Do meshed proxies reach each other by the inbound port of the proxy for every port? Before 2.18, and in `transparent` mode,
 * only for opaque ports.
 */
export function redirectsEveryPort({ transportMode, minor }: LinkerdSettings): boolean {
  return transportMode === 'transport-header' && minor >= 18
}
