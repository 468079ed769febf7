import type { Resource } from '../k8s/resource.ts'
import { fromAdminNetworkPolicy } from './admin-network-policy.ts'
import { type CalicoTier, fromCalicoNetworkPolicy } from './calico-network-policy.ts'
import { fromCiliumNetworkPolicy } from './cilium-network-policy.ts'
import { fromClusterNetworkPolicy } from './cluster-network-policy.ts'
import { fromNetworkPolicy } from './network-policy.ts'
import type { Policy } from './policy.ts'

/** The kinds of network policies, of every dialect. */
export const policyKinds = [
  'NetworkPolicy',
  'CiliumNetworkPolicy',
  'CiliumClusterwideNetworkPolicy',
  'CalicoNetworkPolicy',
  'CalicoGlobalNetworkPolicy',
  'AdminNetworkPolicy',
  'BaselineAdminNetworkPolicy',
  'ClusterNetworkPolicy',
] as const

export type PolicyKind = (typeof policyKinds)[number]

/**
 * An object of any dialect in the common form. One object may hold several policies, or none.
 *
 * @param tiers Calico's, by name (`calicoTiers`); without it, those that are there without an object
 */
export function translate(resource: Resource<PolicyKind>, tiers?: ReadonlyMap<string, CalicoTier>): readonly Policy[] {
  switch (resource.kind) {
    case 'NetworkPolicy':
      return [fromNetworkPolicy(resource)]
    case 'CiliumNetworkPolicy':
    case 'CiliumClusterwideNetworkPolicy':
      return fromCiliumNetworkPolicy(resource)
    case 'CalicoNetworkPolicy':
    case 'CalicoGlobalNetworkPolicy':
      return fromCalicoNetworkPolicy(resource, tiers)
    case 'AdminNetworkPolicy':
    case 'BaselineAdminNetworkPolicy':
      return [fromAdminNetworkPolicy(resource)]
    case 'ClusterNetworkPolicy':
      return [fromClusterNetworkPolicy(resource)]
  }
}
