import type { Rule } from '../core/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { networkPolicyOmitsProxyPort } from './network-policy-omits-proxy-port.ts'
import { opaquePortsNamesTargetPort } from './opaque-ports-names-target-port.ts'
import { opaquePortsUnreadable } from './opaque-ports-unreadable.ts'
import { podNotInjected } from './pod-not-injected.ts'
import { serverSpeaksFirstPortNotOpaque } from './server-speaks-first-port-not-opaque.ts'

/** Every rule, in alphabetical order of ids. */
export const rules: readonly Rule<LinkerdSettings>[] = [
  networkPolicyOmitsProxyPort,
  opaquePortsNamesTargetPort,
  opaquePortsUnreadable,
  podNotInjected,
  serverSpeaksFirstPortNotOpaque,
]
