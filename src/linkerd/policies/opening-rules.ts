import type { Policy, Rule, Ruling } from '../../policy/policy.ts'

/** Is there a rule that could have a gap? */
export function isPossible({ directions }: Policy): boolean {
  return [directions.ingress, directions.egress].flatMap(openingRules).some((rule) => !isSilent(rule))
}

/** Rules that let something through: for good, or to the tiers behind. */
export function openingRules({ rules, restrictions }: Ruling): readonly Rule[] {
  return [...rules, ...restrictions.filter(({ action }) => action === 'pass')]
}

/** Does it grant nothing to Pods on ports that are known? */
export function isSilent({ ports, entries, peers }: Rule): boolean {
  return ports.unknown || entries.length === 0 || peers.every(({ as }) => as !== 'pods')
}
