import type { Action, Direction, Policy, Rule } from './policy.ts'

/** One question that a connection is put to. The first whose peers and ports it is among decides. */
export interface Decision {
  readonly policy: Policy
  /** Undefined for what a tier says of all that its rules leave open: it denies that, to the Pods the policy selects. */
  readonly rule: Rule | undefined
  readonly action: Action
}

/**
 * What policies say of a direction, in the order in which it is asked: tier by tier, in each by order, and last what the
 * tier denies to those whom its policies isolate. After `pass` the next question is the next tier's. What nothing decides is
 * allowed.
 *
 * Equal orders: rules that only allow, or only deny, commute, as those of NetworkPolicy and Cilium do. Calico asks by name.
 */
export function decisionsOf(policies: readonly Policy[], direction: Direction): Decision[] {
  const asked: Decision[] = []
  for (const policy of policies) {
    const { isolates, rules, restrictions } = policy.directions[direction]
    for (const rule of [...rules, ...restrictions]) asked.push({ policy, rule, action: rule.action })
    if (isolates) asked.push({ policy, rule: undefined, action: 'deny' })
  }
  return asked.sort(byOrder)
}

function byOrder(left: Decision, right: Decision): number {
  const { tier, name } = left.policy
  if (tier !== right.policy.tier) return tier - right.policy.tier
  if (left.rule === undefined || right.rule === undefined) return Number(!left.rule) - Number(!right.rule)
  // Infinity less Infinity is no number.
  if (left.rule.order !== right.rule.order) return left.rule.order < right.rule.order ? -1 : 1
  if (name !== right.policy.name) return name < right.policy.name ? -1 : 1
  return left.policy === right.policy ? left.rule.index - right.rule.index : 0
}
