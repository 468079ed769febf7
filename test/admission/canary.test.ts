import t from 'tap'
import { answerCanary, canaryObject, canaryReasons, judgeCanary } from '../../src/admission/canary.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { reviewOf } from './reviews.ts'

const nonce = '0123456789abcdef'

const read = (object: object, more = {}): Review => {
  const found = readReview(reviewOf(object as Parameters<typeof reviewOf>[0], { dryRun: true, ...more }))
  if (!('review' in found)) throw new Error(found.reason)
  return found.review
}

t.test('it says which Pod answers a canary', async (t) => {
  const { response } = answerCanary(read(canaryObject('guard', nonce)), 'meshgate-5c9-x') ?? {}
  t.match(response, {
    allowed: true,
    warnings: [`meshgate canary ${nonce} answered by meshgate-5c9-x`],
    auditAnnotations: { canary: 'meshgate-5c9-x' },
  })
  const outcome = judgeCanary({ status: 201, warnings: ['more', ...(response?.warnings ?? [])], message: '' }, nonce)
  t.same(outcome, { as: 'answered', pod: 'meshgate-5c9-x' })
  const longest = answerCanary(read(canaryObject('guard', nonce)), 'x'.repeat(63))
  t.ok((longest?.response.warnings?.[0]?.length ?? 0) <= 120)
})

t.test('it takes nothing else for a canary', async (t) => {
  const object = canaryObject('guard', nonce) as { metadata: object; apiVersion: string; kind: string }
  for (const [what, review] of [
    ['one that is meant', read(object, { dryRun: false })],
    ['an update', read(object, { operation: 'UPDATE', oldObject: object })],
    ['a Secret', read({ ...object, kind: 'Secret' })],
    ['no label', read({ ...object, metadata: { ...object.metadata, labels: {} } })],
    ['no nonce', read({ ...object, metadata: { ...object.metadata, annotations: {} } })],
    ['a nonce that would end up in a log', read(canaryObject('guard', 'a\nb'))],
    ['metadata of another shape', read({ ...object, metadata: { labels: 'x', annotations: [1] } })],
  ] as const)
    t.equal(answerCanary(review, 'pod'), undefined, what)
})

const webhook = (cause: string) =>
  `Internal error occurred: failed calling webhook "canary.validate.meshgate.dev": failed to call webhook: Post "https://meshgate.guard.svc:443/validate?timeout=5s": ${cause}`

const verdicts: readonly (readonly [status: number, message: string, as: string, reason: string])[] = [
  [201, '', 'failed', 'failed-open'],
  [
    500,
    webhook(
      'tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-26T01:00:00Z is after 2026-11-26T00:59:00Z',
    ),
    'failed',
    'expired',
  ],
  [
    500,
    webhook('tls: failed to verify certificate: x509: certificate signed by unknown authority'),
    'failed',
    'unknown-authority',
  ],
  [500, webhook('unable to load root certificates: unable to parse bytes as PEM block'), 'failed', 'unknown-authority'],
  [
    500,
    webhook('tls: failed to verify certificate: x509: certificate is valid for a.b.svc, not meshgate.guard.svc'),
    'failed',
    'name',
  ],
  [500, webhook('remote error: tls: certificate required'), 'failed', 'certificate'],
  [500, webhook('service "meshgate" not found'), 'failed', 'no-service'],
  [500, webhook('no endpoints available for service "meshgate"'), 'failed', 'no-endpoints'],
  [500, webhook('dial tcp 127.96.0.50:443: connect: connection refused'), 'failed', 'refused'],
  [500, webhook('context deadline exceeded'), 'failed', 'timeout'],
  [500, webhook('EOF'), 'failed', 'call-failed'],
  [500, 'Internal error occurred: failed calling webhook "other.example.dev": EOF', 'unknown', 'blocked'],
  [403, 'admission webhook "other.example.dev" denied the request: no', 'unknown', 'blocked'],
  [403, 'configmaps "x" is forbidden: exceeded quota: small', 'unknown', 'blocked'],
  [404, 'namespaces "guard" not found', 'unknown', 'blocked'],
  [
    403,
    'configmaps is forbidden: User "system:serviceaccount:guard:meshgate" cannot create resource "configmaps" in API group "" in the namespace "guard"',
    'unknown',
    'no-right',
  ],
  [401, 'Unauthorized', 'unknown', 'no-right'],
  [429, 'too many requests', 'unknown', 'unreachable'],
  [503, '', 'unknown', 'unreachable'],
]

t.test('it knows what became of a canary by what the API server says', async (t) => {
  for (const [status, message, as, reason] of verdicts) {
    t.match(judgeCanary({ status, warnings: [], message }, nonce), { as, reason }, `${status} ${message.slice(-60)}`)
  }
  const seen = new Set(verdicts.map(([, , , reason]) => reason))
  t.same(
    canaryReasons.filter((reason) => !seen.has(reason)),
    [],
  )
})

t.test('it does not take the answer to another canary for its own', async (t) => {
  const warnings = ['meshgate canary fedcba9876543210 answered by meshgate-1']
  t.match(judgeCanary({ status: 201, warnings, message: '' }, nonce), { as: 'failed', reason: 'failed-open' })
})
