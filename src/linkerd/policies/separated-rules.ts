import type { Direction, Rule } from '../../policy/policy.ts'
import { hasPort, portDifference } from '../../policy/port-set.ts'
import { isEveryPort } from '../../policy/ports.ts'
import { decisionsAbout } from './decision-index.ts'
import type { GapView } from './gap-view.ts'
import type { Selecting } from './policy-forms.ts'
import { endsOf, type Place, type TargetEnd } from './policy-targets.ts'

/** Is a rule separated anywhere ({@link isSeparated})? */
export type Separated = (rule: Rule, direction: Direction) => boolean

/** Asked for where there is a gap, as most rules have none; and then once. */
export function separation(places: readonly Place[], view: GapView): Separated {
  const known = new Map<Rule, boolean>()
  return (rule, direction) => {
    const found =
      known.get(rule) ??
      places.some((place) => separableEnds(endsOf(place, view)).some((end) => isSeparated(rule, direction, end, view)))
    known.set(rule, found)
    return found
  }
}

const separable = new WeakMap<readonly TargetEnd[], readonly TargetEnd[]>()

/** Of targets that {@link isSeparated} does not tell apart, one. */
function separableEnds(ends: readonly TargetEnd[]): readonly TargetEnd[] {
  const known = separable.get(ends) ?? findSeparable(ends)
  separable.set(ends, known)
  return known
}

function findSeparable(ends: readonly TargetEnd[]): readonly TargetEnd[] {
  const seen = new Map<readonly Selecting[], Set<number>>()
  return ends.filter(({ target, policies }) => {
    const ports = seen.get(policies) ?? new Set()
    seen.set(policies, ports)
    const { inboundPort } = target.pod
    return !ports.has(inboundPort) && ports.add(inboundPort)
  })
}

/** Is there, for a target, a rule that denies or passes on some of the rule's ports and not the proxy's, or the other way round? */
function isSeparated({ ports }: Rule, direction: Direction, { target, policies }: TargetEnd, view: GapView): boolean {
  const proxyPort = direction === 'ingress' ? target.pod.inboundPort : view.settings.inboundPort
  return decisionsAbout(policies, direction).restrictions.some((other) => {
    if (other.ports.names.length > 0 || other.ports.unknown) return true
    const left = portDifference(ports.numbers, other.ports.numbers)
    const isUntouched = left.length > 0 && portDifference(ports.numbers, left).length === 0
    const takesAll = left.length === 0 && (ports.names.length === 0 || isEveryPort(other.ports))
    return hasPort(other.ports.numbers, proxyPort) ? !takesAll : !isUntouched && ports.numbers.length > 0
  })
}
