import type { Doubt } from '../core/analyse.ts'
import type { Edit } from '../core/edit.ts'
import { type Enforced, textOf } from '../core/enforce.ts'
import { severities } from '../core/finding.ts'
import { toJsonPatch } from '../core/json-patch.ts'
import { plainText, shortText } from '../core/plain-text.ts'
import type { Scope } from '../core/snapshot.ts'
import { formatPath } from '../k8s/json.ts'
import { describe } from '../k8s/resource.ts'
import type { Verdict } from './court.ts'
import type { Review } from './review.ts'

/** An AdmissionReview that answers one. */
export interface Answer {
  readonly apiVersion: string
  readonly kind: 'AdmissionReview'
  readonly response: {
    readonly uid: string
    readonly allowed: boolean
    readonly status?: { readonly code: 403; readonly reason: 'Forbidden'; readonly message: string }
    readonly warnings?: readonly string[]
    readonly auditAnnotations?: Readonly<Record<string, string>>
    readonly patchType?: 'JSONPatch'
    /** Base64 of the operations. */
    readonly patch?: string
  }
}

/** The API server passes 4,096 characters of warnings on, of all webhooks together, and advises 120 for one. */
const mostWarnings = 5
const longestWarning = 120

/** A denial in full; the rest is counted. */
const mostDenials = 10
const longestDenial = 1024

/**
 * The answer to a review that was judged.
 *
 * @param scope how much of the world was known
 */
export function respond(review: Review, verdict: Verdict, scope: Scope): Answer {
  // Without surroundings nothing was found that rests on what is not there; whoever reads the audit log must know.
  const unknown = scope === 'nothing' ? { surroundings: 'unknown' } : undefined
  if (isSilent(verdict))
    return answerTo(review, { allowed: true, ...(unknown === undefined ? {} : { auditAnnotations: unknown }) })
  const { enforced, elsewhere, notes } = verdict
  const worstFirst =
    enforced.length > 1
      ? enforced.toSorted((a, b) => severities.indexOf(a.finding.severity) - severities.indexOf(b.finding.severity))
      : enforced
  const denials = worstFirst.filter(({ enforcement }) => enforcement === 'deny')
  const warned = worstFirst.filter(({ enforcement }) => enforcement === 'warn')
  const warnings = warningsOf([
    ...warned.map(headline),
    ...elsewhere.filter(({ enforcement }) => enforcement === 'warn').map(headlineElsewhere),
    ...warned.flatMap(remarkLine),
    ...doubtLines(verdict.doubts),
    ...notes,
  ])
  const auditAnnotations = { ...auditOf(verdict), ...unknown }
  return answerTo(review, {
    allowed: denials.length === 0,
    ...(denials.length > 0 ? { status: { code: 403, reason: 'Forbidden', message: denialOf(denials) } } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(Object.keys(auditAnnotations).length > 0 ? { auditAnnotations } : {}),
  })
}

/** Most objects are well. */
function isSilent({ enforced, elsewhere, suppressed, exempted, doubts, notes }: Verdict): boolean {
  return (
    enforced.length === 0 &&
    elsewhere.length === 0 &&
    suppressed.length === 0 &&
    exempted.length === 0 &&
    doubts.length === 0 &&
    notes.length === 0
  )
}

/** The answer of the mutating webhook: always allowed, with the edits as a patch, or none when nothing changes. */
export function respondWithPatch(review: Review, edits: readonly Edit[], encode: (text: string) => string): Answer {
  const operations = toJsonPatch(review.object, edits)
  const patch =
    operations.length === 0 ? {} : { patchType: 'JSONPatch' as const, patch: encode(JSON.stringify(operations)) }
  return answerTo(review, { allowed: true, ...patch })
}

/** The only place that copies the uid. */
function answerTo(review: Review, response: Omit<Answer['response'], 'uid'>): Answer {
  return { apiVersion: review.apiVersion, kind: 'AdmissionReview', response: { uid: review.uid, ...response } }
}

function headline({ finding }: Enforced): string {
  return `[${finding.rule}] ${finding.text}`
}

/** What becomes wrong with another object names it. */
function headlineElsewhere({ finding }: Enforced): string {
  return `[${finding.rule}] ${describe(finding.subject)}: ${finding.text}`
}

/** What was not judged, or not surely, and why: a line for each cause, which may be one for all kinds. */
function doubtLines(doubts: readonly Doubt[]): string[] {
  const byCause = Map.groupBy(doubts, ({ trouble }) => `${trouble.as} ${trouble.why}`)
  return [...byCause.values()].map((all) => {
    const [first, ...others] = new Set(all.map(({ kind }) => kind))
    const objects = `${first ?? ''}${others.length > 0 ? ` objects and those of ${others.length} more kinds` : ' objects'}`
    const rules = [...new Set(all.map(({ rule }) => rule))].join(', ')
    const { as, why } = all[0]?.trouble ?? { as: 'unsynced', why: '' }
    return as === 'stale'
      ? `judged by an old state: ${objects} are stale (${why}); ${rules} cannot deny`
      : `not judged: ${objects} are not known (${why}); skipped ${rules}`
  })
}

/** A line of its own: behind the text it would be cut off. */
function remarkLine({ finding, remark }: Enforced): string[] {
  return remark === undefined ? [] : [`[${finding.rule}] ${remark}`]
}

/** One line each; a longer one is cut at a word; of more than five, the last counts the rest. */
function warningsOf(texts: readonly string[]): string[] {
  const lines = [...new Set(texts.map((text) => shortText(text, longestWarning)))]
  if (lines.length <= mostWarnings) return lines
  const shown = lines.slice(0, mostWarnings - 1)
  return [...shown, `${lines.length - shown.length} more findings; run meshgate check on the manifest to see them all`]
}

/** First what is wrong and where, then a line for each further finding, then where to read on. */
function denialOf(denials: readonly Enforced[]): string {
  const lines = denials.slice(0, mostDenials).map((denial, i) => {
    const { subject, path, rule } = denial.finding
    const text = textOf(denial)
    const where = path.length > 0 ? ` at ${formatPath(path)}` : ''
    const line = i === 0 ? `[${rule}] ${describe(subject)}${where}: ${text}` : `[${rule}]${where}: ${text}`
    return shortText(line, longestDenial)
  })
  if (denials.length > mostDenials) lines.push(`${denials.length - mostDenials} more findings`)
  lines.push(`read more: meshgate explain ${denials[0]?.finding.rule ?? ''}`)
  return lines.join('\n')
}

/** Always the names of the rules, by what was done about them: for the audit log, which users do not see. */
function auditOf({ enforced, elsewhere, suppressed, exempted, doubts }: Verdict): Record<string, string> {
  const annotations: Record<string, string> = {}
  const annotate = (key: string, rules: readonly string[]) => {
    if (rules.length > 0) annotations[key] = plainText([...new Set(rules)].toSorted().join(',')).slice(0, 256)
  }
  for (const [enforcement, found] of Map.groupBy(enforced, (one) => one.enforcement))
    annotate(
      enforcement,
      found.map(({ finding }) => finding.rule),
    )
  annotate(
    'elsewhere',
    elsewhere.map(({ finding }) => finding.rule),
  )
  annotate(
    'degraded',
    doubts.map(({ kind }) => kind),
  )
  annotate(
    'suppress',
    suppressed.map(({ rule }) => rule),
  )
  annotate(
    'exempt',
    exempted.map(({ finding }) => finding.rule),
  )
  return annotations
}
