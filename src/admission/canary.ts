import { isObject, own } from '../k8s/json.ts'
import { canary } from './registration.ts'
import type { Answer } from './respond.ts'
import type { Review } from './review.ts'

/*
 * The webhook asks itself through the API server, by a dry run that stores nothing: whether it is called at all, and who answers.
 */

/** What a canary is known by again: hex. */
const nonce = /^[0-9a-f]{16}$/
const nonceAnnotation = `${canary.label}-nonce`

/** The ConfigMap whose creation is only tried. */
export function canaryObject(namespace: string, nonce: string): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      generateName: 'meshgate-canary-',
      namespace,
      labels: { [canary.label]: 'true' },
      annotations: { [nonceAnnotation]: nonce },
    },
  }
}

/**
 * The answer to a canary: allowed, with a warning that says which Pod answers. Undefined for every other review, also for a
 * labelled ConfigMap that somebody means to create.
 */
export function answerCanary(review: Review, pod: string): Answer | undefined {
  const { operation, kind, dryRun, object, uid, apiVersion } = review
  if (operation !== 'CREATE' || kind.group !== '' || kind.kind !== 'ConfigMap' || !dryRun) return undefined
  const metadata = isObject(object) ? own(object, 'metadata') : undefined
  const textIn = (member: string, key: string) => {
    const texts = isObject(metadata) ? own(metadata, member) : undefined
    return isObject(texts) ? own(texts, key) : undefined
  }
  const sent = textIn('annotations', nonceAnnotation)
  if (textIn('labels', canary.label) !== 'true' || typeof sent !== 'string' || !nonce.test(sent)) return undefined
  const auditAnnotations = { canary: pod }
  return {
    apiVersion,
    kind: 'AdmissionReview',
    response: { uid, allowed: true, warnings: [`meshgate canary ${sent} answered by ${pod}`], auditAnnotations },
  }
}

/** What the API server answered. */
export interface CanaryAnswer {
  readonly status: number
  /** Texts of its warnings. */
  readonly warnings: readonly string[]
  /** Of the Status, where it is no success. */
  readonly message: string
}

/** Why a canary did not come back, in one word. */
export type CanaryReason =
  /** Admitted, and nobody of us was asked, or could be. */
  | 'failed-open'
  /** Why the API server could not ask us: in its own words, where the entry fails closed. */
  | 'expired'
  | 'unknown-authority'
  | 'name'
  | 'certificate'
  | 'no-service'
  | 'no-endpoints'
  | 'refused'
  | 'timeout'
  | 'call-failed'
  /** Somebody else's webhook, quota or policy was in the way. */
  | 'blocked'
  /** We may not even try. */
  | 'no-right'
  /** The API server does not answer, or cannot. */
  | 'unreachable'

export const canaryReasons: readonly CanaryReason[] = [
  'failed-open',
  'expired',
  'unknown-authority',
  'name',
  'certificate',
  'no-service',
  'no-endpoints',
  'refused',
  'timeout',
  'call-failed',
  'blocked',
  'no-right',
  'unreachable',
]

export type CanaryOutcome =
  | { readonly as: 'answered'; readonly pod: string }
  /** API servers do not get our verdicts. */
  | { readonly as: 'failed'; readonly reason: CanaryReason; readonly text: string }
  /** Whether they do, this did not show. */
  | { readonly as: 'unknown'; readonly reason: CanaryReason; readonly text: string }

/** Go's words for each (crypto/x509, net, k8s.io/apiserver pkg/util/proxy), more special ones first. */
const causes: readonly (readonly [CanaryReason, RegExp])[] = [
  ['expired', /certificate has expired or is not yet valid/],
  ['unknown-authority', /certificate signed by unknown authority|unable to load root certificates/],
  ['name', /certificate is (?:not )?valid for /],
  ['certificate', /x509: |tls: /],
  ['no-service', /service "[^"]*" not found/],
  ['no-endpoints', /no endpoints available|no service port .* found|endpoints? "[^"]*" not found/],
  ['refused', /connection refused/],
  ['timeout', /context deadline exceeded|Client\.Timeout|i\/o timeout/],
]

/**
 * What an answer to a canary means. Its entry fails closed, so that the API server's error has the reason; admitted without an
 * answer of ours, it was not asked about, or somebody made the entry fail open.
 */
export function judgeCanary({ status, warnings, message }: CanaryAnswer, nonce: string): CanaryOutcome {
  const begin = `meshgate canary ${nonce} answered by `
  const answer = warnings.find((warning) => warning.startsWith(begin))
  const text = message === '' ? `HTTP ${status}` : message
  if (status >= 200 && status < 300)
    return answer === undefined
      ? { as: 'failed', reason: 'failed-open', text: 'the API server admitted the canary without an answer of ours' }
      : { as: 'answered', pod: answer.slice(begin.length) }
  const called = /failed calling webhook "([^"]+)"/.exec(message)
  if (called?.[1] === canary.entry)
    return { as: 'failed', reason: causes.find(([, words]) => words.test(message))?.[0] ?? 'call-failed', text }
  if (called || /admission webhook "/.test(message)) return { as: 'unknown', reason: 'blocked', text }
  if (status === 401 || / is forbidden: User "/.test(message)) return { as: 'unknown', reason: 'no-right', text }
  return { as: 'unknown', reason: status === 429 || status >= 500 ? 'unreachable' : 'blocked', text }
}
