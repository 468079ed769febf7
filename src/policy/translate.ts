import type { Resource } from '../k8s/resource.ts'
import { fromCiliumNetworkPolicy } from './cilium-network-policy.ts'
import { fromNetworkPolicy } from './network-policy.ts'
import type { Policy } from './policy.ts'

/** The kinds of network policies, of every dialect. */
export const policyKinds = ['NetworkPolicy', 'CiliumNetworkPolicy', 'CiliumClusterwideNetworkPolicy'] as const

export type PolicyKind = (typeof policyKinds)[number]

/** An object of any dialect in the common form. One object may hold several policies, or none. */
export function translate(resource: Resource<PolicyKind>): readonly Policy[] {
  return resource.kind === 'NetworkPolicy' ? [fromNetworkPolicy(resource)] : fromCiliumNetworkPolicy(resource)
}
