import type { Config } from '../config/config.ts'
import { analyse } from '../core/analyse.ts'
import { autofix } from '../core/autofix.ts'
import type { Edit } from '../core/edit.ts'
import { type Enforced, enforce } from '../core/enforce.ts'
import { type Exempted, endingSoon } from '../core/exemption.ts'
import type { Failure, Finding } from '../core/finding.ts'
import type { Rule } from '../core/rule.ts'
import { type Snapshot, withSubject } from '../core/snapshot.ts'
import type { Stage } from '../core/view.ts'
import { isObject, own } from '../k8s/json.ts'
import { annotationOf, type Resource, readResource } from '../k8s/resource.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import type { Review } from './review.ts'

/** The world in which reviews are judged. */
export interface Court {
  readonly rules: readonly Rule<LinkerdSettings>[]
  readonly snapshot: Snapshot
  readonly config: Config
  /** Milliseconds since 1970: exemptions end. */
  readonly now: number
}

/** What is decided about one review. */
export interface Verdict {
  readonly enforced: readonly Enforced[]
  readonly suppressed: readonly Finding[]
  readonly exempted: readonly Exempted[]
  /** Why something was not judged, or an exemption that ends: a line each, for the user. */
  readonly notes: readonly string[]
  /** Our own faults. If there is one, there is no verdict to rely on. */
  readonly failures: readonly Failure[]
}

const nothing: Verdict = { enforced: [], suppressed: [], exempted: [], notes: [], failures: [] }

/**
 * Judges the object of a review. Every finding counts, never only the first.
 *
 * Nothing is ever denied that cannot be understood: an unknown kind, or an object the API server itself will refuse, is
 * let through with a note. DELETE, CONNECT, subresources and objects on their way out are not judged. On UPDATE a finding
 * that the old object had already only warns.
 */
export function judge(review: Review, court: Court): Verdict {
  if (!isJudged(review)) return nothing
  const read = readResource(review.object, review.namespace)
  if (read.as === 'malformed') return { ...nothing, notes: [`not judged: ${read.reason} at ${read.path.join('.')}`] }
  if (read.as !== 'resource')
    return { ...nothing, notes: [`not judged: no rule speaks about ${review.kind.kind || 'this kind'}`] }

  const { findings, failures } = analyseOne(read.resource, court)
  const known = new Set(oldFindings(review, court).map(fingerprint))
  const outcome = enforceOn(read.resource, findings, court, (finding) => known.has(fingerprint(finding)))
  return { ...outcome, notes: endingSoon(outcome.exempted, court.now), failures }
}

/** What `/mutate` is to do. */
export interface Mending {
  /** Fixes of the rules configured with `fix`, until none is left. */
  readonly edits: readonly Edit[]
  /** Our own faults, as in {@link Verdict}. */
  readonly failures: readonly Failure[]
}

/** The edits that `/mutate` makes. None on DELETE: the API server refuses any patch there. */
export function mend(review: Review, court: Court): Mending {
  if (!isJudged(review) || court.config.fix.size === 0) return { edits: [], failures: [] }
  const rules = court.rules.filter((rule) => court.config.fix.has(rule.id))
  const failures: Failure[] = []
  const { edits } = autofix(review.object, (object) => {
    const read = readResource(object, review.namespace)
    if (read.as !== 'resource' || isMirrorPod(read.resource)) return []
    // Others, the injector among them, may still change it.
    const analysis = analyseOne(read.resource, { ...court, rules }, 'declared')
    failures.push(...analysis.failures)
    const { enforced } = enforceOn(read.resource, analysis.findings, court)
    return enforced.flatMap(({ finding }) => (finding.fix ? [finding.fix] : []))
  })
  return { edits, failures }
}

function isJudged(review: Review): boolean {
  if (review.operation !== 'CREATE' && review.operation !== 'UPDATE') return false
  if (review.subResource !== '' || !isObject(review.object)) return false
  const metadata = own(review.object, 'metadata')
  return !(isObject(metadata) && own(metadata, 'deletionTimestamp') != null)
}

/** The kubelet's own picture of a static Pod: the API server takes no change to it. */
function isMirrorPod(resource: Resource): boolean {
  return resource.kind === 'Pod' && annotationOf(resource.metadata, 'kubernetes.io/config.mirror') !== undefined
}

function analyseOne(subject: Resource, { snapshot, rules, config }: Court, stage: Stage = 'admitted') {
  return analyse({
    subjects: [subject],
    snapshot: withSubject(snapshot, subject),
    rules,
    settings: config.linkerd,
    stage,
  })
}

function enforceOn(
  subject: Resource,
  findings: readonly Finding[],
  { snapshot, config, now }: Court,
  wasThere: (finding: Finding) => boolean = () => false,
) {
  return enforce(findings, config.enforcement, { snapshot: withSubject(snapshot, subject), now, wasThere })
}

function oldFindings(review: Review, court: Court): readonly Finding[] {
  if (review.operation !== 'UPDATE') return []
  const read = readResource(review.oldObject, review.namespace)
  return read.as === 'resource' ? analyseOne(read.resource, court).findings : []
}

/** Two findings are the same when rule, message and words are; where exactly they stand may move with an edit. */
function fingerprint({ rule, message, text }: Finding): string {
  return `${rule}\0${message}\0${text}`
}
