import type { Rule } from '../core/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { certificateRotationMissing } from './certificate-rotation-missing.ts'
import { issuerCertificateExpiring } from './issuer-certificate-expiring.ts'
import { networkPolicyOmitsProxyPort } from './network-policy-omits-proxy-port.ts'
import { opaquePortsNamesTargetPort } from './opaque-ports-names-target-port.ts'
import { opaquePortsUnreadable } from './opaque-ports-unreadable.ts'
import { podNotInjected } from './pod-not-injected.ts'
import { serverSpeaksFirstPortNotOpaque } from './server-speaks-first-port-not-opaque.ts'
import { trustAnchorExpiring } from './trust-anchor-expiring.ts'
import { webhookCertificateExpiring } from './webhook-certificate-expiring.ts'
import { webhookCertificateUntrusted } from './webhook-certificate-untrusted.ts'
import { webhookFailsOpen } from './webhook-fails-open.ts'

/** Every rule, in alphabetical order of ids. */
export const rules: readonly Rule<LinkerdSettings>[] = [
  certificateRotationMissing,
  issuerCertificateExpiring,
  networkPolicyOmitsProxyPort,
  opaquePortsNamesTargetPort,
  opaquePortsUnreadable,
  podNotInjected,
  serverSpeaksFirstPortNotOpaque,
  trustAnchorExpiring,
  webhookCertificateExpiring,
  webhookCertificateUntrusted,
  webhookFailsOpen,
]
