import type { CertificateWorld } from './certificate.ts'
import { defaultOpaquePorts, inboundPort, proxyPorts } from './facts.ts'

/**
 * What is true of this cluster's Linkerd, beyond single objects. Defaults are Linkerd's own ({@link file://./facts.ts});
 * configuration, later the cluster itself, says otherwise.
 */
export interface LinkerdSettings {
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
  /** CIDRs in which Pods may live (Helm `clusterNetworks`, or the Pod CIDRs where known). */
  readonly clusterNetworks: readonly string[]
  /** Names of namespaces whose Pods must be meshed, whatever their annotations say. `*` is all. */
  readonly requireInjection: readonly string[]
  /** What to think of Pods whose namespace is not known: `--assume-meshed`, `--assume-unmeshed`. */
  readonly assume: 'annotations' | 'meshed' | 'unmeshed'
  /** Days before its end from which a certificate is worth a warning, and an error. Short-lived ones have shorter windows. */
  readonly certificateWarningDays: number
  readonly certificateErrorDays: number
  /** Who reads certificates, and when. Without it, nothing is said about them. */
  readonly certificates: CertificateWorld | undefined
}

export const defaultSettings: LinkerdSettings = {
  transportMode: 'transport-header',
  inboundPort,
  adminPort: proxyPorts.admin,
  controlPort: proxyPorts.control,
  opaquePorts: defaultOpaquePorts,
  minor: 20,
  serviceAccountTokenProjection: true,
  clusterNetworks: ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', 'fd00::/8'],
  requireInjection: [],
  assume: 'annotations',
  certificateWarningDays: 30,
  certificateErrorDays: 7,
  certificates: undefined,
}
