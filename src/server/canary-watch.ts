import { randomBytes } from 'node:crypto'
import { type CanaryAnswer, type CanaryOutcome, canaryObject, canaryReasons, judgeCanary } from '../admission/canary.ts'
import type { Metrics } from './metrics.ts'
import type { SelfLog, Watch } from './watch.ts'

export interface CanaryWatchOptions {
  /** Our own. */
  readonly namespace: string
  /** Tries to create an object. Throws when there is no answer. */
  readonly tryToCreate: (path: string, object: object) => Promise<CanaryAnswer>
  readonly metrics: Metrics
  readonly log: SelfLog
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
}

/** A replica that has not answered for so long is forgotten; more of them than this would be somebody's mistake. */
const rememberMs = 10 * 60_000
const mostPods = 64

/** Looks whether the API server asks us, from its side: a dry run that stores nothing. */
export function watchCanary({ namespace, tryToCreate, metrics, log, nowMs }: CanaryWatchOptions): Watch {
  const success = metrics.gauge(
    'meshgate_canary_success',
    'Whether the API server asked meshgate about the last canary. Absent while that is not known.',
  )
  const lastSuccess = metrics.gauge('meshgate_canary_last_success_timestamp_seconds', 'When the last canary came back.')
  const responders = metrics.gauge(
    'meshgate_canary_responder_timestamp_seconds',
    'When this replica of meshgate last answered a canary of ours.',
    'responder',
  )
  const count = metrics.counter('meshgate_canary_total', 'Canaries sent, by what became of them.', 'result', [
    'answered',
    ...canaryReasons,
  ])
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps`
  const seen = new Map<string, number>()
  let last: CanaryOutcome | undefined

  const send = async (): Promise<CanaryOutcome> => {
    const nonce = randomBytes(8).toString('hex')
    try {
      return judgeCanary(await tryToCreate(path, canaryObject(namespace, nonce)), nonce)
    } catch (error) {
      return { as: 'unknown', reason: 'unreachable', text: error instanceof Error ? error.message : String(error) }
    }
  }
  const remember = (pod: string) => {
    seen.set(pod, nowMs())
    for (const [name, ms] of seen) if (nowMs() - ms > rememberMs || seen.size > mostPods) seen.delete(name)
    responders.clear()
    for (const [responder, ms] of seen) responders.set(ms / 1000, { responder })
  }
  return {
    async look() {
      const before = last
      last = await send()
      count(last.as === 'answered' ? last.as : last.reason)
      if (last.as === 'unknown') success.clear()
      else success.set(last.as === 'answered' ? 1 : 0)
      if (last.as === 'answered') {
        lastSuccess.set(nowMs() / 1000)
        remember(last.pod)
      }
      if (before !== undefined && keyOf(before) === keyOf(last)) return
      if (last.as === 'failed')
        log.error(`API servers do not get verdicts from meshgate (${last.reason}): ${last.text}`)
      else if (last.as === 'unknown')
        log.warn(`whether API servers ask meshgate is not known (${last.reason}): ${last.text}`)
      else if (before !== undefined) log.info(`API servers ask meshgate again: ${last.pod} answered`)
    },
    lines() {
      if (last === undefined) return ['canary: not sent yet']
      if (last.as !== 'answered') return [`canary: ${last.as}: ${last.reason}: ${last.text}`]
      const pods = [...seen].map(([pod, ms]) => `${pod} (${Math.round((nowMs() - ms) / 1000)} s ago)`)
      return [`canary: answered by ${pods.toSorted().join(', ')}`]
    },
    unready: () => [],
  }
}

function keyOf(outcome: CanaryOutcome): string {
  return outcome.as === 'answered' ? outcome.as : outcome.reason
}
