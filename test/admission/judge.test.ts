import fc from 'fast-check'
import t from 'tap'
import { type Court, nothing } from '../../src/admission/court.ts'
import { judge, mend } from '../../src/admission/judge.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { toJsonPatch } from '../../src/core/json-patch.ts'
import { rules } from '../../src/rules/index.ts'
import { patched } from '../core/patched.ts'
import { broken, unmarked } from './made-rules.ts'
import { configOf, natsService, policyFor, reviewOf, shop, strict, type WireObject } from './reviews.ts'

const lenient: Court = { rules, snapshot: shop, config: defaultConfig, now: 0 }
const court: Court = { rules, snapshot: shop, config: strict, now: 0 }

const read = (object: WireObject, different: Readonly<Record<string, unknown>> = {}): Review => {
  const result = readReview(reviewOf(object, different))
  if ('reason' in result) throw new Error(result.reason)
  return result.review
}

const decisions = (review: Review, in_ = court) =>
  judge(review, in_).enforced.map(({ finding, enforcement }) => `${enforcement} ${finding.rule}: ${finding.message}`)

const omitted = 'network-policy-omits-proxy-port: omitted'

t.test('it judges an object as it will be in its world', async (t) => {
  t.same(decisions(read(policyFor([8080]))), [`deny ${omitted}`])
  t.same(decisions(read(policyFor([8080, 9090]))), [`deny ${omitted}`, `deny ${omitted}`], 'every finding counts')
  t.same(decisions(read(policyFor([8080])), lenient), [`warn ${omitted}`])
  t.same(decisions(read(policyFor([8080, 4143]))), [])
})

t.test('it takes the namespace of the request for the truth', async (t) => {
  const policy = { ...policyFor([8080]), metadata: { generateName: 'web-' } }
  t.same(decisions(read(policy, { namespace: 'shop', name: '' })), [`deny ${omitted}`])
  t.match(judge(read(policy, { namespace: 'shop', name: '' }), court).enforced[0]?.finding.subject, {
    namespace: 'shop',
    name: 'web-*',
  })
})

t.test('it denies nothing that it does not understand or that is on its way out', async (t) => {
  const bad = policyFor([8080])
  const secret: WireObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }
  t.same(judge(read(secret), court).notes, ['not judged: no rule speaks about Secret'])
  const malformed: WireObject = { ...bad, spec: { ...(bad['spec'] as object), ingress: 'all' } }
  t.match(judge(read(malformed), court).notes, [/^not judged: .* at spec\.ingress$/])
  for (const [what, different] of [
    ['a deletion', { operation: 'DELETE', object: null, oldObject: bad }],
    ['a connection', { operation: 'CONNECT', object: { apiVersion: 'v1', kind: 'PodExecOptions' } }],
    ['a subresource', { operation: 'UPDATE', subResource: 'status', oldObject: policyFor([4143]) }],
    ['an object being deleted', { object: policyFor([8080], { deletionTimestamp: '2026-01-01T00:00:00Z' }) }],
  ] as const)
    t.same(judge(read(bad, different), court), nothing, what)
})

t.test('it says that there is nothing to judge where a review has no object', async (t) => {
  for (const object of [null, 'web', [policyFor([8080])]])
    for (const operation of ['CREATE', 'UPDATE'])
      t.same(judge(read(policyFor([8080]), { operation, object }), court).notes, [
        'not judged: the review has no object',
      ])
  t.same(judge(read(policyFor([8080]), { operation: 'DELETE', object: null, oldObject: null }), court), nothing)
})

t.test('it only warns of what an update leaves as it was', async (t) => {
  const update = (old: WireObject, now: WireObject, in_ = court) =>
    decisions(read(now, { operation: 'UPDATE', oldObject: old }), in_)
  t.same(update(policyFor([8080]), policyFor([8080], { labels: { team: 'a' } })), [`warn ${omitted}`])
  t.same(update(policyFor([8080]), policyFor([8080, 9090])), [`warn ${omitted}`, `deny ${omitted}`])
  t.same(update(policyFor([8080, 4143]), policyFor([8080])), [`deny ${omitted}`], 'what is new may deny')
  t.same(update(policyFor([8080]), policyFor([8080, 4143])), [], 'and nothing is said of what is cured')

  const annotated = (reason: string) =>
    policyFor([8080], { annotations: { 'suppress.meshgate.dev/network-policy-omits-proxy-port': reason } })
  t.same(
    update(annotated(''), annotated('')),
    [`warn ${omitted}`],
    'what enforcement adds to the text makes nothing new',
  )
  t.same(update(policyFor([8080]), annotated('known')), [], 'an annotation may lift a warning')
  t.same(update(policyFor([4143]), annotated('known')), [`deny ${omitted}`], 'and no denial')
  const silent = configOf('rules: {network-policy-omits-proxy-port: {enforcement: audit}}')
  t.same(update(policyFor([8080]), policyFor([8080]), { ...court, config: silent }), [`audit ${omitted}`])
})

t.test('it tells of its own faults beside every finding', async (t) => {
  const faulty: Court = {
    now: 0,
    rules: [broken, ...rules],
    snapshot: shop,
    config: { ...strict, fix: new Set([...strict.fix, broken.id]) },
  }
  const verdict = judge(read(natsService()), faulty)
  t.match(verdict.failures, [{ rule: 'rule-broken', error: { message: 'our fault' } }])
  t.match(verdict.enforced, [{ finding: { rule: 'server-speaks-first-port-not-opaque' } }], 'no other rule is hidden')
  const { failures, edits } = mend(read(natsService()), faulty)
  t.equal(failures[0]?.rule, 'rule-broken', 'also when it mends')
  t.equal(edits.length, 1)
})

const list = '25,587,3306,4444,5432,6379,9300,11211,4222'

t.test('it mends by rules that are configured to, and no other', async (t) => {
  const { edits, failures } = mend(read(natsService()), court)
  t.same(edits, [{ op: 'set', path: ['metadata', 'annotations', 'config.linkerd.io/opaque-ports'], value: list }])
  t.same(failures, [])
  t.same(mend(read(natsService()), lenient), { edits: [], failures: [] })
  const off = configOf('rules: {server-speaks-first-port-not-opaque: {enforcement: "off", fix: true}}')
  t.same(mend(read(natsService()), { ...court, config: off }).edits, [], 'a rule that is off mends nothing')
})

t.test('it never mends what may not be changed', async (t) => {
  const nats = natsService()
  t.same(mend(read(nats, { operation: 'DELETE', object: null, oldObject: nats }), court).edits, [])
  const marking: Court = {
    now: 0,
    rules: [unmarked],
    snapshot: shop,
    config: { ...strict, fix: new Set([unmarked.id]) },
  }
  const pod = (metadata: object): WireObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-0', namespace: 'shop', ...metadata },
    spec: {},
  })
  t.same(mend(read(pod({})), marking).edits, [{ op: 'set', path: ['metadata', 'labels', 'marked'], value: 'yes' }])
  t.same(mend(read(pod({ annotations: { 'kubernetes.io/config.mirror': 'x' } })), marking).edits, [], 'a mirror Pod')
  t.same(mend(read(pod({ deletionTimestamp: '2026-01-01T00:00:00Z' })), marking).edits, [], 'a Pod on its way out')
})

/** Labels and annotations whose keys JavaScript, JSON Pointer or YAML could stumble over. */
const oddKey = fc.constantFrom('__proto__', 'constructor', 'toString', 'a/b', 'a~b', '~1', '', 'config.linkerd.io/skip')
const oddMap = fc.option(fc.dictionary(oddKey, fc.string(), { noNullPrototype: false }), { nil: null })
const portNumber = fc.constantFrom(4222, 6222, 3306, 8080, 1883, 5432, 33060)
const servicePort = fc.record(
  {
    name: fc.constantFrom('nats', 'mysql', 'http', 'mqtt', 'client'),
    port: portNumber,
    targetPort: fc.oneof(portNumber, fc.constantFrom('nats', 'mysql')),
    protocol: fc.constantFrom('TCP', 'UDP', null),
    appProtocol: fc.constantFrom('http', 'mysql', null),
  },
  { requiredKeys: ['port'] },
)
const peers = fc.array(
  fc.oneof(
    fc.constant({ podSelector: {} }),
    fc.constant({ podSelector: { matchLabels: { app: 'web' } } }),
    fc.constant({ ipBlock: { cidr: '10.0.0.0/8' } }),
    fc.constant({ namespaceSelector: {} }),
  ),
  { maxLength: 3 },
)
const policyRule = fc.record(
  {
    from: peers,
    ports: fc.option(
      fc.array(fc.record({ port: fc.oneof(portNumber, fc.constant('http')), protocol: fc.constantFrom('TCP', 'UDP') })),
      { nil: null },
    ),
  },
  { requiredKeys: [] },
)
const metadata = fc.record(
  { name: fc.constant('x'), namespace: fc.constant('shop'), labels: oddMap, annotations: oddMap },
  { requiredKeys: ['name', 'namespace'] },
)
const podSpec = fc.record({
  containers: fc.array(
    fc.record({
      name: fc.constantFrom('nats', 'web'),
      image: fc.constantFrom('nats:2', 'mysql:8', 'example/web'),
      ports: fc.array(fc.record({ containerPort: portNumber, name: fc.constantFrom('nats', 'http') }), {
        maxLength: 3,
      }),
    }),
    { minLength: 1, maxLength: 2 },
  ),
})
const anObject: fc.Arbitrary<WireObject> = fc.oneof(
  fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Service'),
    metadata,
    spec: fc.record({
      selector: fc.constantFrom({ app: 'web' }, null),
      ports: fc.array(servicePort, { maxLength: 4 }),
    }),
  }),
  fc.record({
    apiVersion: fc.constant('networking.k8s.io/v1'),
    kind: fc.constant('NetworkPolicy'),
    metadata,
    spec: fc.record(
      {
        podSelector: fc.constantFrom({}, { matchLabels: { app: 'web' } }),
        ingress: fc.array(policyRule, { maxLength: 3 }),
      },
      { requiredKeys: ['podSelector'] },
    ),
  }),
  fc.record({
    apiVersion: fc.constant('apps/v1'),
    kind: fc.constant('Deployment'),
    metadata,
    spec: fc.record({ template: fc.record({ metadata: fc.record({ annotations: oddMap }), spec: podSpec }) }),
  }),
)

t.test('it makes patches that apply, and none the second time', async (t) => {
  let made = 0
  fc.assert(
    fc.property(anObject, (object) => {
      const { edits, failures } = mend(read(object), court)
      const operations = toJsonPatch(object, edits)
      const after = patched(object, operations) as WireObject
      if (operations.length > 0) made++
      const again = mend(read(after), court)
      return failures.length === 0 && toJsonPatch(after, again.edits).length === 0
    }),
    { numRuns: 10_000, seed: 9 },
  )
  t.comment(`10000 cases, ${made} patches`)
  t.ok(made > 1000, 'many of them are patched')
})

t.test('it leaves numbers alone that JavaScript cannot carry', async (t) => {
  const text = JSON.stringify(natsService()).replace(
    '"spec":{',
    '"status":{"seen":9007199254740993,"quantity":1e400},"spec":{"int64":-9223372036854775808,',
  )
  const operations = toJsonPatch(JSON.parse(text), mend(read(JSON.parse(text)), court).edits)
  t.same(
    operations,
    [{ op: 'add', path: '/metadata/annotations', value: { 'config.linkerd.io/opaque-ports': list } }],
    'no operation touches or repeats them',
  )
})

t.test('it judges selectors by keys that every JavaScript object has', async (t) => {
  for (const key of ['constructor', 'hasOwnProperty', 'valueOf', '__proto__']) {
    const selector = (operator: string, values: readonly string[] = []) => ({
      matchExpressions: [{ key, operator, ...(values.length > 0 ? { values } : {}) }],
    })
    const select = (podSelector: object): WireObject => ({
      ...policyFor([8080]),
      spec: {
        podSelector,
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 8080 }] }],
      },
    })
    // The Deployment shop/web has no such label.
    const targets = (podSelector: object) =>
      judge(read(select(podSelector)), court).enforced.map(({ finding }) => /reach Deployment/.test(finding.text))
    t.same(targets(selector('DoesNotExist')), [true], `${key} DoesNotExist`)
    t.same(targets(selector('NotIn', ['x'])), [true], `${key} NotIn`)
    t.notOk(targets(selector('Exists')).includes(true), `${key} Exists`)
    t.notOk(targets(selector('In', ['x'])).includes(true), `${key} In`)
  }
})

t.test('it judges an object nested as deep as the API server allows', async (t) => {
  const deep = (depth: number) => JSON.parse('{"a":'.repeat(depth) + '1' + '}'.repeat(depth))
  const review = read({ ...policyFor([8080]), status: deep(9_990) })
  t.same(decisions(review), [`deny ${omitted}`])
  t.equal(toJsonPatch(review.object, mend(review, court).edits).length, 1)
  const update = read(
    { ...policyFor([8080]), status: deep(9_990) },
    {
      operation: 'UPDATE',
      oldObject: { ...policyFor([8080]), status: deep(9_990) },
    },
  )
  t.same(decisions(update), [`warn ${omitted}`])
})
