import type { Finding } from './finding.ts'
import { fitsGlob } from './glob.ts'
import { namespaceNameOf } from './namespace-pattern.ts'

/** A defect that the configuration knows of and lets be, with a reason and, better, an end. */
export interface Exemption {
  /** Id of the rule. */
  readonly rule: string
  /** With `*` and `?`; without one, every namespace. */
  readonly namespace?: string | undefined
  /** Of the object, with `*` and `?`; without one, every object. */
  readonly name?: string | undefined
  readonly reason: string
  readonly owner?: string | undefined
  readonly expires?: Expiry | undefined
}

/** When an exemption ends. */
export interface Expiry {
  /** As the configuration has it. */
  readonly text: string
  /** The first moment in which it no longer holds, in milliseconds since 1970. */
  readonly at: number
}

/** A finding that is let be, and by what. */
export interface Exempted {
  readonly finding: Finding
  readonly exemption: Exemption
}

const dayMs = 24 * 60 * 60 * 1000

/** For so long before its end, whoever profits from an exemption is told. */
const noticeMs = 14 * dayMs

/** Where an exemption is in its life. The last moment of `holds` is the one before `at`. */
export type Phase = 'holds' | 'ends soon' | 'expired'

/** @param now milliseconds since 1970 */
export function phaseOf({ expires }: Exemption, now: number): Phase {
  if (expires === undefined || now < expires.at - noticeMs) return 'holds'
  return now < expires.at ? 'ends soon' : 'expired'
}

/** Is the finding one that the exemption means, whether it still holds or not? */
function concerns({ rule, namespace = '*', name = '*' }: Exemption, finding: Finding): boolean {
  const { subject } = finding
  return rule === finding.rule && fitsGlob(namespace, namespaceNameOf(subject)) && fitsGlob(name, subject.name)
}

/**
 * The exemption that lets this finding be: the first that concerns it and holds. If all that concern it have expired, the
 * one that did so last: whoever gets the finding back must learn why.
 */
export function exemptionOf(
  finding: Finding,
  exemptions: readonly Exemption[],
  now: number,
): { readonly exemption: Exemption; readonly phase: Phase } | undefined {
  let expired: Exemption | undefined
  for (const exemption of exemptions) {
    if (!concerns(exemption, finding)) continue
    const phase = phaseOf(exemption, now)
    if (phase !== 'expired') return { exemption, phase }
    if (expired === undefined || (exemption.expires?.at ?? 0) > (expired.expires?.at ?? 0)) expired = exemption
  }
  return expired && { exemption: expired, phase: 'expired' }
}

/** `pod-not-injected for shop/web-*`: names an exemption. */
export function nameExemption({ rule, namespace, name }: Exemption): string {
  if (name !== undefined) return `${rule} for ${namespace ?? '*'}/${name}`
  return namespace === undefined ? `${rule} everywhere` : `${rule} for namespace ${namespace}`
}

/**
 * A line for each exemption that was needed and ends soon. The end and who can extend it come first: a warning shows its
 * first 120 characters.
 */
export function endingSoon(exempted: readonly Exempted[], now: number): string[] {
  const needed = new Set(exempted.map(({ exemption }) => exemption))
  return [...needed]
    .filter((exemption) => phaseOf(exemption, now) === 'ends soon')
    .map((exemption) => `exemption ends ${endOf(exemption)}: ${nameExemption(exemption)}`)
}

/** Exemptions that no finding needs: the defect is gone, or the pattern misses it. */
export function unusedAmong(exemptions: readonly Exemption[], findings: readonly Finding[]): Exemption[] {
  return exemptions.filter((exemption) => !findings.some((finding) => concerns(exemption, finding)))
}

/** `on 2027-01-31 (owner team-a)`. */
export function endOf({ expires, owner }: Exemption): string {
  return `on ${expires?.text ?? 'no day'}${owner === undefined ? '' : ` (owner ${owner})`}`
}
