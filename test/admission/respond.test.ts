import t from 'tap'
import { nothing, type Verdict } from '../../src/admission/court.ts'
import { judge, mend } from '../../src/admission/judge.ts'
import { respond, respondWithPatch } from '../../src/admission/respond.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import type { Enforcement } from '../../src/core/enforce.ts'
import type { Severity } from '../../src/core/finding.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'
import { patched } from '../core/patched.ts'
import { natsService, policyFor, reviewOf, shop, strict, type WireObject } from './reviews.ts'
import { whyInvalid } from './verify-response.ts'

const encode = (text: string) => Buffer.from(text).toString('base64')

const reviewFrom = (body: unknown): Review => {
  const read = readReview(body)
  if ('reason' in read) throw new Error(read.reason)
  return read.review
}

const review = reviewFrom(reviewOf(policyFor([8080])))

/** A verdict with findings in these words. */
function verdictOf(
  findings: readonly (readonly [enforcement: Enforcement, text: string, severity?: Severity, rule?: string])[],
  notes: readonly string[] = [],
): Verdict {
  const subject = readResource(policyFor([8080]))
  if (subject.as !== 'resource') throw new Error('no resource')
  return {
    ...nothing,
    notes,
    enforced: findings.map(([enforcement, text, severity = 'error', rule = 'some-rule']) => ({
      enforcement,
      finding: {
        rule,
        message: 'm',
        text,
        severity,
        confidence: 'high',
        subject: subject.resource,
        path: ['spec', 'ingress', 0],
      },
    })),
  }
}

const golden: readonly (readonly [what: string, object: WireObject, different: Readonly<Record<string, unknown>>])[] = [
  ['a creation', policyFor([8080]), {}],
  ['a clean creation', policyFor([8080, 4143]), {}],
  ['a generated name', policyFor([8080], { name: undefined, generateName: 'web-' }), { name: '' }],
  ['an update', policyFor([8080]), { operation: 'UPDATE', oldObject: policyFor([4143]) }],
  ['a deletion', policyFor([8080]), { operation: 'DELETE', object: null, oldObject: policyFor([8080]) }],
  ['a connection', natsService(), { operation: 'CONNECT', object: { kind: 'PodExecOptions', apiVersion: 'v1' } }],
  ['a dry run', natsService(), { dryRun: true }],
  ['a subresource', natsService(), { operation: 'UPDATE', subResource: 'status', oldObject: natsService() }],
  [
    'a converted kind',
    policyFor([8080]),
    {
      requestKind: { group: 'extensions', version: 'v1beta1', kind: 'NetworkPolicy' },
      requestResource: { group: 'extensions', version: 'v1beta1', resource: 'networkpolicies' },
    },
  ],
  ['a kind of somebody else', { apiVersion: 'example.dev/v1', kind: 'Service', metadata: { name: 'x' } }, {}],
]

t.test('it answers as the API server wants it, in both versions', async (t) => {
  const court = { rules, snapshot: shop, config: strict, now: 0 }
  for (const apiVersion of ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'])
    for (const [what, object, different] of golden) {
      const sent = { ...reviewOf(object, different), apiVersion }
      const read = reviewFrom(sent)
      const validated = respond(read, judge(read, court), 'input')
      const mutated = respondWithPatch(read, mend(read, court).edits, encode)
      for (const [answer, mutating] of [
        [validated, false],
        [mutated, true],
      ] as const) {
        t.equal(whyInvalid(sent, mutating, JSON.parse(JSON.stringify(answer))), undefined, `${what}, ${apiVersion}`)
        t.equal(answer.apiVersion, apiVersion, 'the version is the one that came')
        t.equal(answer.response.uid, sent.request.uid)
      }
    }
})

t.test('it denies with 403: what is wrong and where, a line for each, where to read on', async (t) => {
  t.same(
    respond(
      review,
      verdictOf([
        ['deny', 'first'],
        ['warn', 'second'],
        ['deny', 'third'],
      ]),
      'input',
    ).response,
    {
      uid: review.uid,
      allowed: false,
      status: {
        code: 403,
        reason: 'Forbidden',
        message:
          '[some-rule] NetworkPolicy shop/web at spec.ingress[0]: first\n' +
          '[some-rule] at spec.ingress[0]: third\n' +
          'read more: meshgate explain some-rule',
      },
      warnings: ['[some-rule] second'],
      auditAnnotations: { deny: 'some-rule', warn: 'some-rule' },
    },
  )
})

t.test('it puts the worst first', async (t) => {
  const { status, warnings } = respond(
    review,
    verdictOf([
      ['warn', 'hint', 'info'],
      ['deny', 'doubt', 'warning', 'mild-rule'],
      ['deny', 'ruin', 'error', 'grave-rule'],
      ['warn', 'wrong', 'error'],
    ]),
    'input',
  ).response
  t.match(status?.message, /^\[grave-rule\] .*: ruin\n\[mild-rule\] .*: doubt\nread more: meshgate explain grave-rule$/)
  t.same(warnings, ['[some-rule] wrong', '[some-rule] hint'])
})

t.test('it sends at most five warnings of one line each, which no header refuses', async (t) => {
  const rude = (i: number) => `${i}\u001b[31m\r\n${'é😀 '.repeat(170)}\u0000\u202e`
  const many = verdictOf(Array.from({ length: 50 }, (_, i) => ['warn', rude(i)] as const))
  const { warnings = [] } = respond(review, many, 'input').response
  t.equal(warnings.length, 5)
  for (const warning of warnings) {
    t.ok([...warning].length <= 120, `${[...warning].length} characters`)
    t.notMatch(warning, /[\p{Cc}\u202A-\u202E]/u, 'nothing that controls')
    t.ok(warning.isWellFormed(), 'valid UTF-8')
  }
  t.equal(
    warnings[4],
    '46 more findings; run meshgate check on the manifest to see them all',
    'the last counts the rest',
  )
  t.same(
    respond(
      review,
      verdictOf(
        [
          ['warn', 'a'],
          ['warn', 'a'],
          ['audit', 'b'],
        ],
        ['a note'],
      ),
      'input',
    ).response.warnings,
    ['[some-rule] a', 'a note'],
    'equal ones are one, what is for the audit log is none, notes come last',
  )
})

t.test('it keeps a denial readable, however much there is to say', async (t) => {
  const many = verdictOf(
    Array.from({ length: 30 }, (_, i) => ['deny', `${i} \u001b[2J\n${'x '.repeat(4000)}`] as const),
  )
  const lines = respond(review, many, 'input').response.status?.message.split('\n') ?? []
  t.equal(lines.length, 12)
  t.equal(lines[10], '20 more findings')
  for (const line of lines) {
    t.ok(line.length <= 1024)
    t.notMatch(line, /\p{Cc}/u)
  }
})

t.test('it leaves names of rules to the audit log, and what was not known', async (t) => {
  const of = (verdict: Verdict, scope: 'input' | 'nothing') => respond(review, verdict, scope).response.auditAnnotations
  t.same(of(verdictOf([]), 'input'), undefined)
  t.same(of(verdictOf([]), 'nothing'), { surroundings: 'unknown' })
  const audited =
    of(
      verdictOf([
        ['audit', 'x', 'info', 'b-rule'],
        ['audit', 'y', 'info', 'a-rule'],
      ]),
      'input',
    ) ?? {}
  t.same(audited, { audit: 'a-rule,b-rule' })
  const all = rules.map(({ id }) => ['audit', 'x', 'info', id] as const)
  const values = of(
    verdictOf([...all, ...all.map(([, , , id]) => ['audit', '', 'info', `${id}-${'x'.repeat(99)}`] as const)]),
    'nothing',
  )
  for (const [key, value] of Object.entries(values ?? {})) {
    t.match(key, /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/, 'a qualified name')
    t.ok(value.length <= 256)
  }
})

t.test('it patches what it was sent, or says nothing of patches', async (t) => {
  const service = reviewFrom(reviewOf(natsService()))
  const { edits } = mend(service, { rules, snapshot: shop, config: strict, now: 0 })
  const { patch, patchType, ...rest } = respondWithPatch(service, edits, encode).response
  t.same(rest, { uid: service.uid, allowed: true })
  t.equal(patchType, 'JSONPatch')
  const operations = JSON.parse(Buffer.from(patch ?? '', 'base64').toString())
  t.match(patched(service.object, operations), {
    metadata: { annotations: { 'config.linkerd.io/opaque-ports': /4222$/ } },
  })
  t.same(respondWithPatch(service, [], encode).response, { uid: service.uid, allowed: true })
})
