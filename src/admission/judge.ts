import { analyse } from '../core/analyse.ts'
import { autofix } from '../core/autofix.ts'
import type { Reads } from '../core/derivations.ts'
import type { Edit } from '../core/edit.ts'
import { enforce } from '../core/enforce.ts'
import { endingSoon } from '../core/exemption.ts'
import type { Failure, Finding } from '../core/finding.ts'
import { type Snapshot, withoutSubject, withSubject } from '../core/snapshot.ts'
import type { Stage } from '../core/view.ts'
import { isObject, own } from '../k8s/json.ts'
import { isWatched } from '../k8s/kinds.ts'
import { annotationOf, mirrorAnnotation, type Resource, readResource } from '../k8s/resource.ts'
import { settingsAmong } from '../linkerd/injection/injector-reach.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { type Court, nothing, type Verdict } from './court.ts'
import { judgeNeighbours } from './neighbours.ts'
import { findOnce, isSameToRules } from './recollection.ts'
import type { Review } from './review.ts'

/**
 * Judges what a review changes: its object, where every finding counts, and what the change does to its neighbours.
 *
 * Nothing is ever denied that cannot be understood: an unknown kind, or an object the API server itself will refuse, is
 * let through with a note. CONNECT, subresources and objects on their way out are not judged; a DELETE is only judged for
 * what it does to others. On UPDATE a finding that the old object had already only warns.
 */
export function judge(review: Review, court: Court): Verdict {
  if (!isJudged(review))
    return isWithoutObject(review) ? { ...nothing, notes: ['not judged: the review has no object'] } : nothing
  const read = readResource(review.operation === 'DELETE' ? review.oldObject : review.object, review.namespace)
  // What is in a Secret is none of a webhook's business, though files may hold one.
  if (read.as !== 'resource' || !isWatched(read.resource.kind)) {
    if (review.operation === 'DELETE') return nothing
    if (read.as === 'malformed') return { ...nothing, notes: [`not judged: ${read.reason} at ${read.path.join('.')}`] }
    return { ...nothing, notes: [`not judged: no rule speaks about ${review.kind.kind || 'this kind'}`] }
  }
  const subject = read.resource
  const { snapshot } = court
  const without = withoutSubject(snapshot, subject)
  if (review.operation === 'DELETE')
    return { ...nothing, ...judgeNeighbours(subject, withSubject(snapshot, subject), without, court) }

  const after = withSubject(snapshot, subject)
  const old = oldOf(review)
  const isChanged = old === undefined || !isSameToRules(old, subject)
  const { findings, failures, doubts } = findOn(subject, after, court)
  const oldFindings = () =>
    isChanged ? (old ? findOn(old, withSubject(snapshot, old), court).findings : []) : findings
  const known = new Set(findings.length > 0 ? oldFindings().map(fingerprint) : [])
  const wasThere = (finding: Finding) => known.has(fingerprint(finding))
  const outcome = enforce(findings, court.config.enforcement, { snapshot: after, now: court.now, wasThere })
  const before = old === undefined ? without : withSubject(snapshot, old)
  const consequences = isChanged ? judgeNeighbours(subject, before, after, court) : nothing
  return {
    ...outcome,
    elsewhere: consequences.elsewhere,
    doubts: [...doubts, ...consequences.doubts],
    notes: [...consequences.notes, ...endingSoon(outcome.exempted, court.now)],
    failures: [...failures, ...consequences.failures],
  }
}

/** What there was before an update. */
function oldOf(review: Review): Resource | undefined {
  if (review.operation !== 'UPDATE') return undefined
  const read = readResource(review.oldObject, review.namespace)
  return read.as === 'resource' ? read.resource : undefined
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
  if (!isJudged(review) || review.operation === 'DELETE' || court.config.fix.size === 0)
    return { edits: [], failures: [] }
  const rules = court.rules.filter((rule) => court.config.fix.has(rule.id))
  const failures: Failure[] = []
  const { edits } = autofix(review.object, (object) => {
    const read = readResource(object, review.namespace)
    if (read.as !== 'resource' || isMirrorPod(read.resource)) return []
    // Others, the injector among them, may still change it.
    const snapshot = withSubject(court.snapshot, read.resource)
    const analysis = analyseIn(snapshot, [read.resource], rules, court, 'declared')
    failures.push(...analysis.failures)
    // What rests on an old state is worth a word, and not a change.
    const sure = analysis.findings.filter(({ rule }) => !analysis.doubts.some((doubt) => doubt.rule === rule))
    const { enforced } = enforce(sure, court.config.enforcement, { snapshot, now: court.now })
    return enforced.flatMap(({ finding }) => (finding.fix ? [finding.fix] : []))
  })
  return { edits, failures }
}

function isJudged(review: Review): boolean {
  if (review.operation === 'CONNECT' || review.subResource !== '') return false
  if (review.operation === 'DELETE') return isObject(review.oldObject)
  if (!isObject(review.object)) return false
  const metadata = own(review.object, 'metadata')
  return !(isObject(metadata) && own(metadata, 'deletionTimestamp') != null)
}

/** No API server asks so; whoever does must not take silence for a verdict. */
function isWithoutObject({ operation, subResource, object }: Review): boolean {
  return (operation === 'CREATE' || operation === 'UPDATE') && subResource === '' && !isObject(object)
}

/** The kubelet's own picture of a static Pod: the API server takes no change to it. */
function isMirrorPod(resource: Resource): boolean {
  return resource.kind === 'Pod' && annotationOf(resource.metadata, mirrorAnnotation) !== undefined
}

function analyseIn(
  snapshot: Snapshot,
  subjects: Iterable<Resource>,
  rules: Court['rules'],
  court: Court,
  stage: Stage = 'admitted',
) {
  return analyse({ subjects, snapshot, rules, settings: settingsIn(court, stage), stage })
}

/** What rules find on an object in the world that has it. */
function findOn(subject: Resource, world: Snapshot, court: Court) {
  const { rules, snapshot, digest } = court
  const settings = settingsIn(court, 'admitted')
  const find = (reads?: Reads) =>
    analyse({ subjects: [subject], snapshot: world, rules, settings, stage: 'admitted', ...(reads && { reads }) })
  return digest === undefined ? find() : findOnce(subject, { snapshot, rules, settings, digest }, find)
}

function settingsIn({ snapshot, config }: Court, stage: Stage): LinkerdSettings {
  return settingsAmong(snapshot, config.linkerd, stage)
}

/** Two findings are the same when rule, message and words are; where exactly they stand may move with an edit. */
function fingerprint({ rule, message, text }: Finding): string {
  return `${rule}\0${message}\0${text}`
}
