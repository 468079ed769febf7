import type { Rule } from '../core/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { injectAnnotationInvalid } from './inject-annotation-invalid.ts'
import { injectAnnotationMisplaced } from './inject-annotation-misplaced.ts'
import { injectionBreaksPod } from './injection-breaks-pod.ts'
import { injectionRefused } from './injection-refused.ts'
import { meshedJobNeverCompletes } from './meshed-job-never-completes.ts'
import { namespaceAnnotationNotInherited } from './namespace-annotation-not-inherited.ts'
import { namespaceUnmeshedByLabel } from './namespace-unmeshed-by-label.ts'
import { networkPolicyOmitsProxyPort } from './network-policy-omits-proxy-port.ts'
import { podNotInjected } from './pod-not-injected.ts'
import { proxyAnnotationInvalid } from './proxy-annotation-invalid.ts'
import { proxyAnnotationUnknown } from './proxy-annotation-unknown.ts'
import { serverSpeaksFirstPortNotOpaque } from './server-speaks-first-port-not-opaque.ts'
import { upgradeChangesInjection } from './upgrade-changes-injection.ts'

/** Every rule, in alphabetical order of ids. */
export const rules: readonly Rule<LinkerdSettings>[] = [
  injectAnnotationInvalid,
  injectAnnotationMisplaced,
  injectionBreaksPod,
  injectionRefused,
  meshedJobNeverCompletes,
  namespaceAnnotationNotInherited,
  namespaceUnmeshedByLabel,
  networkPolicyOmitsProxyPort,
  podNotInjected,
  proxyAnnotationInvalid,
  proxyAnnotationUnknown,
  serverSpeaksFirstPortNotOpaque,
  upgradeChangesInjection,
]
