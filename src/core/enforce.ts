import { annotationOf } from '../k8s/resource.ts'
import type { Finding } from './finding.ts'

/** What we do about a finding, mildest last. */
export type Enforcement = 'deny' | 'warn' | 'audit' | 'off'

export const enforcements = ['deny', 'warn', 'audit', 'off'] as const satisfies readonly Enforcement[]

/** What a configuration says about enforcement. */
export interface EnforcementPolicy {
  /** Nothing stricter than this happens, whatever a rule says. */
  readonly ceiling: Enforcement
  /** Per rule id; a rule that is not named has the default of its findings' severity. */
  readonly rules: ReadonlyMap<string, Enforcement>
  /** May an annotation lift a denial, or only a warning? */
  readonly suppressDenials: boolean
}

/** A finding and what is done about it. */
export interface Enforced {
  readonly finding: Finding
  readonly enforcement: Enforcement
}

/** Prefix of the annotation that suppresses a rule on one object: `suppress.meshgate.dev/<rule>: "<reason>"`. */
export const suppressPrefix = 'suppress.meshgate.dev/'

/**
 * What to do about each finding.
 *
 * A denial needs high confidence; otherwise it weakens to a warning. `info` findings are for the audit log unless a rule
 * is configured, and never deny. `off` findings are left out.
 *
 * An object may suppress a rule by annotation, with a reason. Without a reason the finding stays and says so. A denial
 * is lifted only where the configuration allows it: who may annotate an object is not who decides what the cluster refuses.
 */
export function enforce(
  findings: readonly Finding[],
  policy: EnforcementPolicy,
): { enforced: Enforced[]; suppressed: Finding[] } {
  const enforced: Enforced[] = []
  const suppressed: Finding[] = []
  for (const finding of findings) {
    const enforcement = enforcementOf(finding, policy)
    if (enforcement === 'off') continue
    const reason = suppressionOf(finding)
    if (reason === undefined) enforced.push({ finding, enforcement })
    else if (reason.trim() === '') {
      const text = `${finding.text} (not suppressed: ${suppressPrefix}${finding.rule} gives no reason)`
      enforced.push({ finding: { ...finding, text }, enforcement })
    } else if (enforcement === 'deny' && !policy.suppressDenials) {
      const text = `${finding.text} (not suppressed: an annotation may not lift a denial here)`
      enforced.push({ finding: { ...finding, text }, enforcement })
    } else suppressed.push(finding)
  }
  return { enforced, suppressed }
}

function enforcementOf(finding: Finding, policy: EnforcementPolicy): Enforcement {
  const asked = policy.rules.get(finding.rule) ?? (finding.severity === 'info' ? 'audit' : 'warn')
  const deniable = finding.confidence === 'high' && finding.severity !== 'info'
  return mildest(asked === 'deny' && !deniable ? 'warn' : asked, policy.ceiling)
}

/** The milder of two. */
export function mildest(left: Enforcement, right: Enforcement): Enforcement {
  return enforcements.indexOf(left) > enforcements.indexOf(right) ? left : right
}

function suppressionOf(finding: Finding): string | undefined {
  return annotationOf(finding.subject.metadata, suppressPrefix + finding.rule)
}
