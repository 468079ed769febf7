import type { Rule } from '../core/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { appProtocolTreatedAsOpaque } from './app-protocol-treated-as-opaque.ts'
import { appProtocolWithoutEffect } from './app-protocol-without-effect.ts'
import { certificateRotationMissing } from './certificate-rotation-missing.ts'
import { detectTimeoutDisabled } from './detect-timeout-disabled.ts'
import { httpPortOpaqueByDefault } from './http-port-opaque-by-default.ts'
import { injectAnnotationInvalid } from './inject-annotation-invalid.ts'
import { injectAnnotationMisplaced } from './inject-annotation-misplaced.ts'
import { injectionBreaksPod } from './injection-breaks-pod.ts'
import { injectionRefused } from './injection-refused.ts'
import { issuerCertificateExpiring } from './issuer-certificate-expiring.ts'
import { manifestRepeatsKey } from './manifest-repeats-key.ts'
import { meshedJobNeverCompletes } from './meshed-job-never-completes.ts'
import { namedTargetPortLosesOpaque } from './named-target-port-loses-opaque.ts'
import { namespaceAnnotationNotInherited } from './namespace-annotation-not-inherited.ts'
import { namespaceUnmeshedByLabel } from './namespace-unmeshed-by-label.ts'
import { networkPolicyAllowsOnlyProxyPort } from './network-policy-allows-only-proxy-port.ts'
import { networkPolicyBlocksControlPlane } from './network-policy-blocks-control-plane.ts'
import { networkPolicyCidrCoversPods } from './network-policy-cidr-covers-pods.ts'
import { networkPolicyDeniesProxyPort } from './network-policy-denies-proxy-port.ts'
import { networkPolicyFilterBypassed } from './network-policy-filter-bypassed.ts'
import { networkPolicyFiltersProxyPort } from './network-policy-filters-proxy-port.ts'
import { networkPolicyIsolatesControlPlane } from './network-policy-isolates-control-plane.ts'
import { networkPolicyNamesProxyPort } from './network-policy-names-proxy-port.ts'
import { networkPolicyOmitsAdminPort } from './network-policy-omits-admin-port.ts'
import { networkPolicyOmitsProxyPort } from './network-policy-omits-proxy-port.ts'
import { networkPolicyOpensProxyPortToUnmeshed } from './network-policy-opens-proxy-port-to-unmeshed.ts'
import { opaquePortDeclaredHttp } from './opaque-port-declared-http.ts'
import { opaquePortsNamesTargetPort } from './opaque-ports-names-target-port.ts'
import { opaquePortsUnreadable } from './opaque-ports-unreadable.ts'
import { opaquePortsWithoutEffect } from './opaque-ports-without-effect.ts'
import { podNotInjected } from './pod-not-injected.ts'
import { proxyAnnotationInvalid } from './proxy-annotation-invalid.ts'
import { proxyAnnotationUnknown } from './proxy-annotation-unknown.ts'
import { serverProtocolConflictsOpaquePort } from './server-protocol-conflicts-opaque-port.ts'
import { serverRevertsOpaquePort } from './server-reverts-opaque-port.ts'
import { serverSpeaksFirstPortNotOpaque } from './server-speaks-first-port-not-opaque.ts'
import { serverSpeaksFirstUnmeshedClientDropped } from './server-speaks-first-unmeshed-client-dropped.ts'
import { skipPortsDropDefaults } from './skip-ports-drop-defaults.ts'
import { suppressionNamesNoRule } from './suppression-names-no-rule.ts'
import { trustAnchorExpiring } from './trust-anchor-expiring.ts'
import { upgradeChangesInjection } from './upgrade-changes-injection.ts'
import { webhookCertificateExpiring } from './webhook-certificate-expiring.ts'
import { webhookCertificateUntrusted } from './webhook-certificate-untrusted.ts'
import { webhookFailsOpen } from './webhook-fails-open.ts'

/** Every rule, in alphabetical order of ids, but the one that must know all others. */
const others: readonly Rule<LinkerdSettings>[] = [
  appProtocolTreatedAsOpaque,
  appProtocolWithoutEffect,
  certificateRotationMissing,
  detectTimeoutDisabled,
  httpPortOpaqueByDefault,
  injectAnnotationInvalid,
  injectAnnotationMisplaced,
  injectionBreaksPod,
  injectionRefused,
  issuerCertificateExpiring,
  manifestRepeatsKey,
  meshedJobNeverCompletes,
  namedTargetPortLosesOpaque,
  namespaceAnnotationNotInherited,
  namespaceUnmeshedByLabel,
  networkPolicyAllowsOnlyProxyPort,
  networkPolicyBlocksControlPlane,
  networkPolicyCidrCoversPods,
  networkPolicyDeniesProxyPort,
  networkPolicyFilterBypassed,
  networkPolicyFiltersProxyPort,
  networkPolicyIsolatesControlPlane,
  networkPolicyNamesProxyPort,
  networkPolicyOmitsAdminPort,
  networkPolicyOmitsProxyPort,
  networkPolicyOpensProxyPortToUnmeshed,
  opaquePortDeclaredHttp,
  opaquePortsNamesTargetPort,
  opaquePortsUnreadable,
  opaquePortsWithoutEffect,
  podNotInjected,
  proxyAnnotationInvalid,
  proxyAnnotationUnknown,
  serverProtocolConflictsOpaquePort,
  serverRevertsOpaquePort,
  serverSpeaksFirstPortNotOpaque,
  serverSpeaksFirstUnmeshedClientDropped,
  skipPortsDropDefaults,
  trustAnchorExpiring,
  upgradeChangesInjection,
  webhookCertificateExpiring,
  webhookCertificateUntrusted,
  webhookFailsOpen,
]

/** Every rule, in alphabetical order of ids. */
export const rules: readonly Rule<LinkerdSettings>[] = [...others, suppressionNamesNoRule(others)].toSorted(
  (left, right) => (left.id < right.id ? -1 : 1),
)
