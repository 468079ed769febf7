import { annotationOf } from '../k8s/resource.ts'
import { type Exempted, type Exemption, endOf, exemptionOf } from './exemption.ts'
import type { Finding } from './finding.ts'
import { isMeant, type NamespacePattern, namespaceIn, namespaceNameOf } from './namespace-pattern.ts'
import type { Snapshot } from './snapshot.ts'

/** What we do about a finding, mildest last. */
export type Enforcement = 'deny' | 'warn' | 'audit' | 'off'

export const enforcements = ['deny', 'warn', 'audit', 'off'] as const satisfies readonly Enforcement[]

/** What a configuration says about enforcement. */
export interface EnforcementPolicy {
  /** Nothing stricter than this happens, whatever a rule says. */
  readonly ceiling: Enforcement
  /** Per rule id. */
  readonly rules: ReadonlyMap<string, RulePolicy>
  /** May an annotation lift a denial, or only a warning? */
  readonly suppressDenials: boolean
  readonly exemptions: readonly Exemption[]
}

/** What a configuration says about one rule. */
export interface RulePolicy {
  /** Without one, findings have the default of their severity. */
  readonly enforcement?: Enforcement | undefined
  /** For some namespaces something else; the first that means the subject's decides. */
  readonly namespaces?: readonly NamespaceEnforcement[] | undefined
}

export interface NamespaceEnforcement {
  readonly patterns: readonly NamespacePattern[]
  readonly enforcement: Enforcement
}

/** When and among what findings are enforced. */
export interface Circumstances {
  /** The world, with the subjects in it: labels of Namespaces are read here. */
  readonly snapshot: Snapshot
  /** Milliseconds since 1970. */
  readonly now: number
  /** Was the finding there before the change that is judged? Then it only warns: it must not stand in the way of another change. */
  readonly wasThere?: (finding: Finding) => boolean
}

/** A finding and what is done about it. */
export interface Enforced {
  readonly finding: Finding
  readonly enforcement: Enforcement
  /** Why it was not excused although somebody tried, or is not denied although somebody asked. */
  readonly remark?: string
}

/** What happens to findings. Every finding that is not `off` is in exactly one of the lists. */
export interface Outcome {
  readonly enforced: readonly Enforced[]
  /** By annotation on the object. */
  readonly suppressed: readonly Finding[]
  /** By the configuration. */
  readonly exempted: readonly Exempted[]
}

/** Prefix of the annotation that suppresses a rule on one object: `suppress.meshgate.dev/<rule>: "<reason>"`. */
export const suppressPrefix = 'suppress.meshgate.dev/'

/**
 * What to do about each finding.
 *
 * A denial needs high confidence and a finding that is new; otherwise it weakens to a warning. `info` findings are for the audit log unless a rule
 * is configured, and never deny. `off` findings are left out, also where an exemption concerns them.
 *
 * An exemption lets a finding be; one that has expired gives it back, and says so. An object may suppress a rule by
 * annotation, with a reason. Without a reason the finding stays and says so. A denial is lifted only where the
 * configuration allows it: who may annotate an object is not who decides what the cluster refuses.
 *
 *   | exemption | annotation       | finding is | suppressDenials | outcome            |
 *   | holds     | any              | any        | any             | exempted           |
 *   | none      | none             | any        | any             | enforced           |
 *   | expired   | none             | any        | any             | enforced, remarked |
 *   | not held  | without a reason | any        | any             | enforced, remarked |
 *   | not held  | with a reason    | warned     | any             | suppressed         |
 *   | not held  | with a reason    | denied     | no              | enforced, remarked |
 *   | not held  | with a reason    | denied     | yes             | suppressed         |
 */
export function enforce(findings: readonly Finding[], policy: EnforcementPolicy, among: Circumstances): Outcome {
  const enforced: Enforced[] = []
  const suppressed: Finding[] = []
  const exempted: Exempted[] = []
  for (const finding of findings) {
    const { enforcement, unsure } = enforcementOf(finding, policy, among)
    if (enforcement === 'off') continue
    const found = exemptionOf(finding, policy.exemptions, among.now)
    if (found && found.phase !== 'expired') {
      exempted.push({ finding, exemption: found.exemption })
      continue
    }
    const reason = suppressionOf(finding)
    if (reason?.trim() && (enforcement !== 'deny' || policy.suppressDenials)) {
      suppressed.push(finding)
      continue
    }
    const remarks = [
      ...(unsure ? [`not denied: the labels of namespace ${namespaceNameOf(finding.subject)} are not known`] : []),
      ...(found ? [`not exempt: the exemption expired ${endOf(found.exemption)}`] : []),
      ...(reason === undefined
        ? []
        : reason.trim() === ''
          ? [`not suppressed: ${suppressPrefix}${finding.rule} gives no reason`]
          : ['not suppressed: an annotation may not lift a denial here']),
    ]
    enforced.push({ finding, enforcement, ...(remarks.length > 0 ? { remark: remarks.join('; ') } : {}) })
  }
  return { enforced, suppressed, exempted }
}

/** What people read of a finding: its text, and what there is to remark on its enforcement. */
export function textOf({ finding, remark }: Enforced): string {
  return remark === undefined ? finding.text : `${finding.text} (${remark})`
}

/** Weakened by what is not sure, and never stricter than the ceiling. `unsure` says that only the namespace's labels were. */
function enforcementOf(
  finding: Finding,
  { rules, ceiling }: EnforcementPolicy,
  { snapshot, wasThere }: Circumstances,
): { readonly enforcement: Enforcement; readonly unsure: boolean } {
  const asked = askedFor(finding, rules.get(finding.rule) ?? {}, snapshot)
  const deniable =
    ceiling === 'deny' && finding.confidence === 'high' && finding.severity !== 'info' && !wasThere?.(finding)
  const unsure = asked === 'unsure'
  if (unsure) return { enforcement: mildest('warn', ceiling), unsure: deniable }
  const weakened = asked === 'deny' && !deniable ? 'warn' : asked
  return { enforcement: mildest(weakened, ceiling), unsure: false }
}

/**
 * What the configuration asks for in the subject's namespace: the first entry that means it, else the rule's own.
 * An entry by labels that are not known is passed over, but no denial may hang on it:
 *
 *   | passed over            | what applies otherwise | asked for              |
 *   | nothing, or also deny  | deny                   | deny                   |
 *   | one that does not deny | deny                   | unsure: warn           |
 *   | one that denies        | warn, audit, off       | unsure: warn           |
 *   | others                 | warn, audit, off       | what applies otherwise |
 */
function askedFor(finding: Finding, policy: RulePolicy, snapshot: Snapshot): Enforcement | 'unsure' {
  const { namespaces = [], enforcement } = policy
  const passedOver = new Set<Enforcement>()
  let asked = enforcement ?? (finding.severity === 'info' ? 'audit' : 'warn')
  const name = namespaceNameOf(finding.subject)
  const namespace = namespaces.length > 0 ? namespaceIn(snapshot, name) : undefined
  for (const entry of namespaces) {
    const meant = isMeant(entry.patterns, name, namespace)
    if (meant === 'unknown') passedOver.add(entry.enforcement)
    if (meant !== 'yes') continue
    asked = entry.enforcement
    break
  }
  const possible = passedOver.add(asked)
  return possible.size > 1 && possible.has('deny') ? 'unsure' : asked
}

/** The milder of two. */
export function mildest(left: Enforcement, right: Enforcement): Enforcement {
  return enforcements.indexOf(left) > enforcements.indexOf(right) ? left : right
}

function suppressionOf(finding: Finding): string | undefined {
  return annotationOf(finding.subject.metadata, suppressPrefix + finding.rule)
}
