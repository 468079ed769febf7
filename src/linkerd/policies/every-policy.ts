import type { PolicyKind } from '../../policy/translate.ts'

/** One check for policies of every dialect. */
export function everyPolicy<Check>(check: Check): Readonly<Record<PolicyKind, Check>> {
  return {
    NetworkPolicy: check,
    CiliumNetworkPolicy: check,
    CiliumClusterwideNetworkPolicy: check,
    CalicoNetworkPolicy: check,
    CalicoGlobalNetworkPolicy: check,
    AdminNetworkPolicy: check,
    BaselineAdminNetworkPolicy: check,
    ClusterNetworkPolicy: check,
  }
}
