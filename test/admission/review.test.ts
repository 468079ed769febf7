import t from 'tap'
import { readReview } from '../../src/admission/review.ts'
import { natsService, policyFor, reviewOf } from './reviews.ts'

t.test('it reads what the API server sends', async (t) => {
  const object = natsService()
  t.same(readReview(reviewOf(object)), {
    review: {
      apiVersion: 'admission.k8s.io/v1',
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      operation: 'CREATE',
      kind: { group: '', version: 'v1', kind: 'Service' },
      subResource: '',
      namespace: 'shop',
      name: 'nats',
      dryRun: false,
      object,
      oldObject: null,
    },
  })
  const old = policyFor([8080])
  t.match(
    readReview({
      ...reviewOf(old, { operation: 'DELETE', object: null, oldObject: old, subResource: 'status', dryRun: true }),
      apiVersion: 'admission.k8s.io/v1beta1',
    }),
    {
      review: {
        apiVersion: 'admission.k8s.io/v1beta1',
        operation: 'DELETE',
        kind: { group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy' },
        subResource: 'status',
        dryRun: true,
        object: null,
        oldObject: old,
      },
    },
  )
})

const good = reviewOf(natsService())
const { uid: _, ...withoutUid } = good.request
const refused: readonly (readonly [what: string, body: unknown, reason: string])[] = [
  ['nothing', undefined, 'the body is no AdmissionReview'],
  ['null', null, 'the body is no AdmissionReview'],
  ['a list', [], 'the body is no AdmissionReview'],
  ['a text', 'x', 'the body is no AdmissionReview'],
  ['another kind', { ...good, kind: 'Service' }, 'kind is not AdmissionReview'],
  [
    'another version',
    { ...good, apiVersion: 'admission.k8s.io/v2' },
    'apiVersion is none of admission.k8s.io/v1, admission.k8s.io/v1beta1',
  ],
  ['no version', { kind: 'AdmissionReview' }, 'apiVersion is none of admission.k8s.io/v1, admission.k8s.io/v1beta1'],
  ['no request', { ...good, request: undefined }, 'request is missing'],
  ['a list of requests', { ...good, request: [good.request] }, 'request is missing'],
  ['no uid', { ...good, request: withoutUid }, 'request.uid is missing'],
  ['a uid that is no text', { ...good, request: { ...withoutUid, uid: 7 } }, 'request.uid is missing'],
  [
    'an unknown operation',
    { ...good, request: { ...good.request, operation: 'PATCH' } },
    'request.operation is none of CREATE, UPDATE, DELETE, CONNECT',
  ],
  ['members that are inherited', Object.create(good), 'kind is not AdmissionReview'],
]

t.test('it says why a body is no review', async (t) => {
  for (const [what, body, reason] of refused) t.same(readReview(body), { reason }, what)
})

t.test('it takes what is missing in the request as empty', async (t) => {
  const { apiVersion, kind } = good
  t.same(readReview({ apiVersion, kind, request: { uid: 'u', operation: 'CONNECT', kind: null, name: 7 } }), {
    review: {
      apiVersion,
      uid: 'u',
      operation: 'CONNECT',
      kind: { group: '', version: '', kind: '' },
      subResource: '',
      namespace: '',
      name: '',
      dryRun: false,
      object: null,
      oldObject: null,
    },
  })
})
