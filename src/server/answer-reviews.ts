import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { Court, Verdict } from '../admission/court.ts'
import type { Answer } from '../admission/respond.ts'
import { type Review, readReview } from '../admission/review.ts'
import { byGroupAndKind } from '../k8s/resource.ts'
import { toAscii } from './ascii.ts'
import type { Pace } from './connection-pace.ts'
import type { ExemptionUse } from './exemption-use.ts'
import type { Metrics } from './metrics.ts'
import { Refusal } from './refusal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** When its headers were there: from then on the API server waits. */
    arrived: number
  }
}

/** What was decided about a review, and what to answer. */
export interface Decision {
  readonly verdict: Verdict
  readonly answer: Answer
  /** The verdict in one word, for metrics. */
  readonly word: string
}

export type Decide = (review: Review, court: Court) => Decision

/** What an answer needs, and where it leaves a trace. */
interface Answering {
  readonly court: Omit<Court, 'now' | 'outOfTime'>
  readonly metrics: Metrics
  /** Seconds, monotonic. */
  readonly clock: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** What a denial waits for. */
  readonly settle: (() => Promise<unknown>) | undefined
  readonly pace: Pace
  readonly exemptionUse: ExemptionUse
  readonly log: FastifyBaseLogger
}

const tooLate = 'the review took longer than the API server waits'

/**
 * Answers the reviews that are posted to a path: reads, decides, counts.
 *
 * A denial is given once the surroundings had time to settle, and only where it would be given then, too. What is no review,
 * comes too late, or meets a rule that fails, is refused: the API server's failurePolicy decides.
 */
export function answerReviews(
  { court, metrics, clock, now, settle, pace, exemptionUse, log }: Answering,
  path: string,
  decide: Decide,
) {
  const count = ({ enforced, elsewhere, exempted, suppressed, doubts }: Verdict) => {
    if (doubts.length > 0) for (const kind of new Set(doubts.map(({ kind }) => kind))) metrics.degraded(kind)
    for (const { finding, enforcement } of enforced) metrics.finding(finding.rule, enforcement)
    for (const { finding, exemption } of exempted) {
      metrics.finding(finding.rule, 'exempt')
      exemptionUse.note(exemption)
    }
    for (const { rule } of suppressed) metrics.finding(rule, 'suppress')
    for (const { finding } of elsewhere) metrics.finding(finding.rule, 'elsewhere')
  }
  return (request: FastifyRequest, reply: FastifyReply) => {
    const start = clock()
    const read = readReview(request.body)
    if ('reason' in read) throw new Refusal(400, 'no-review', read.reason)
    const { review } = read
    const deadline = deadlineOf(request)
    const stopIfLate = (now: number) => {
      if (now - request.arrived > deadline) throw new Refusal(504, 'deadline', tooLate)
    }
    stopIfLate(start)
    // Half of the time at most is spent on what may be left out.
    const outOfTime = () => clock() - request.arrived > deadline / 2
    const look = () => {
      const { rules, digest, snapshot, config } = court
      return decide(review, { rules, digest, snapshot, config, now: now(), outOfTime })
    }
    const conclude = ({ answer, verdict, word }: Decision) => {
      for (const { rule, error } of verdict.failures) {
        metrics.failure(rule)
        log.error({ err: error, rule }, 'a rule failed')
      }
      const [failure] = verdict.failures
      if (failure) throw new Refusal(500, 'rule-failed', `rule ${failure.rule} failed; see the log of meshgate`)
      const end = clock()
      stopIfLate(end)
      const { group, kind } = review.kind
      const label = byGroupAndKind.has(`${group}/${kind}`) ? kind : 'other'
      metrics.review({ path, operation: review.operation, kind: label, verdict: word }, end - start)
      pace.earn(request.ip)
      // What a dry run asks about will not be there: no alert may rest on it.
      if (!review.dryRun) count(verdict)
      return reply.type('application/json').send(toAscii(JSON.stringify(answer)))
    }
    const seen = court.snapshot.now
    const decision = look()
    if (settle === undefined || decision.word !== 'denied') return conclude(decision)
    return settle().then(() => conclude(court.snapshot.now === seen ? decision : look()))
  }
}

/** Seconds until the API server gives up (`?timeout=10s`, rounded up there), less half a second for the way back. */
function deadlineOf(request: FastifyRequest): number {
  const match = /[?&]timeout=(\d+)s/.exec(request.url)
  return match ? Number(match[1]) - 0.5 : 29.5
}
