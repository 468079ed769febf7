import t from 'tap'
import { type Enforcement, type EnforcementPolicy, enforce, textOf } from '../../src/core/enforce.ts'
import type { Exemption } from '../../src/core/exemption.ts'
import type { Confidence, Finding, Severity } from '../../src/core/finding.ts'
import type { NamespacePattern } from '../../src/core/namespace-pattern.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { resourceOf } from './resource-of.ts'

const service = (annotations: Record<string, string> = {}) =>
  resourceOf({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'shop', annotations } }, 'Service')

const found = (part: Partial<Finding> = {}): Finding => ({
  rule: 'r',
  message: 'm',
  text: 't',
  severity: 'error',
  confidence: 'high',
  subject: service(),
  path: [],
  ...part,
})

const policy = (enforcement: Enforcement | undefined, part: Partial<EnforcementPolicy> = {}): EnforcementPolicy => ({
  ceiling: 'deny',
  rules: new Map(enforcement ? [['r', { enforcement }]] : []),
  suppressDenials: false,
  exemptions: [],
  ...part,
})

const nowhere = { snapshot: snapshotOf([], 'cluster'), now: Date.parse('2027-01-15T12:00:00Z') }

t.test('it enforces by rule, confidence, severity and ceiling', async (t) => {
  // configured, ceiling, severity, confidence → what happens
  const table: readonly (readonly [
    Enforcement | undefined,
    Enforcement,
    Severity,
    Confidence,
    Enforcement | undefined,
  ])[] = [
    [undefined, 'deny', 'error', 'high', 'warn'],
    [undefined, 'deny', 'warning', 'low', 'warn'],
    [undefined, 'deny', 'info', 'high', 'audit'],
    ['deny', 'deny', 'error', 'high', 'deny'],
    ['deny', 'deny', 'warning', 'high', 'deny'],
    ['deny', 'deny', 'error', 'medium', 'warn'],
    ['deny', 'deny', 'error', 'low', 'warn'],
    ['deny', 'deny', 'info', 'high', 'warn'],
    ['deny', 'warn', 'error', 'high', 'warn'],
    ['deny', 'audit', 'error', 'high', 'audit'],
    ['warn', 'deny', 'info', 'low', 'warn'],
    ['audit', 'deny', 'error', 'high', 'audit'],
    ['off', 'deny', 'error', 'high', undefined],
    ['deny', 'off', 'error', 'high', undefined],
  ]
  for (const [configured, ceiling, severity, confidence, expected] of table) {
    const { enforced } = enforce([found({ severity, confidence })], policy(configured, { ceiling }), nowhere)
    t.equal(enforced[0]?.enforcement, expected, `${configured} under ${ceiling}, ${severity}, ${confidence}`)
    t.equal(enforced[0]?.remark, undefined)
  }
})

t.test('it denies only what is new', async (t) => {
  const one = found()
  const among = { ...nowhere, wasThere: (finding: Finding) => finding === one }
  t.match(enforce([one, found()], policy('deny'), among).enforced, [{ enforcement: 'warn' }, { enforcement: 'deny' }])
  t.match(enforce([one], policy('audit'), among).enforced, [{ enforcement: 'audit' }])
})

const prod: NamespacePattern = { selector: { matchLabels: { env: 'prod' } } }

/** The world with this Namespace in it. */
const within = (labels: Record<string, string>) => ({
  ...nowhere,
  snapshot: snapshotOf(
    [resourceOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } }, 'Namespace')],
    'cluster',
  ),
})

t.test('it asks the first entry that means the namespace, else the rule', async (t) => {
  const entry = (pattern: NamespacePattern, enforcement: Enforcement) => ({ patterns: [pattern], enforcement })
  // the rule's own, its entries, labels of the namespace → what happens
  const table = [
    ['warn', [entry('shop', 'deny')], {}, 'deny'],
    ['warn', [entry('web', 'deny')], {}, 'warn'],
    ['deny', [entry('sh*', 'audit'), entry('shop', 'off')], {}, 'audit'],
    ['deny', [entry('shop', 'off')], {}, undefined],
    ['warn', [entry(prod, 'deny')], { env: 'prod' }, 'deny'],
    ['warn', [entry(prod, 'deny')], { env: 'test' }, 'warn'],
    ['deny', [entry(prod, 'audit'), entry('*', 'warn')], { env: 'test' }, 'warn'],
    [undefined, [entry('web', 'deny')], {}, 'warn'],
  ] as const
  for (const [enforcement, namespaces, labels, expected] of table) {
    const rules = new Map([['r', { enforcement, namespaces }]])
    const { enforced } = enforce([found()], policy(undefined, { rules }), within(labels))
    t.equal(enforced[0]?.enforcement, expected, JSON.stringify([enforcement, namespaces, labels]))
  }
})

t.test('it denies nothing because of labels that nobody knows', async (t) => {
  const warned = 'not denied: the labels of namespace shop are not known'
  // passed over, what applies otherwise → asked for: the table of `askedFor`
  const table = [
    ['deny', 'deny', 'deny', undefined],
    ['warn', 'deny', 'warn', warned],
    ['audit', 'deny', 'warn', warned],
    ['off', 'deny', 'warn', warned],
    ['deny', 'warn', 'warn', warned],
    ['deny', 'audit', 'warn', warned],
    ['deny', 'off', 'warn', warned],
    ['off', 'warn', 'warn', undefined],
    ['warn', 'audit', 'audit', undefined],
    ['warn', 'off', undefined, undefined],
  ] as const
  for (const [passedOver, otherwise, expected, remark] of table) {
    const rules = (namespaces: readonly { patterns: NamespacePattern[]; enforcement: Enforcement }[]) =>
      new Map([['r', { enforcement: otherwise, namespaces }]])
    const unknown = { patterns: [prod], enforcement: passedOver }
    const title = `${passedOver} by labels, otherwise ${otherwise}`
    const [one] = enforce([found()], policy(undefined, { rules: rules([unknown]) }), nowhere).enforced
    t.equal(one?.enforcement, expected, title)
    t.equal(one?.remark, remark, title)
    // A match by name behind it is what applies otherwise.
    const byName = [unknown, { patterns: ['shop'], enforcement: otherwise }]
    const [two] = enforce([found()], policy(undefined, { rules: rules(byName) }), nowhere).enforced
    t.equal(two?.enforcement, expected, `${title}, by name`)
    // In front of it, nothing is passed over.
    const sure = enforce([found()], policy(undefined, { rules: rules(byName.toReversed()) }), nowhere).enforced[0]
    t.equal(sure?.enforcement, otherwise === 'off' ? undefined : otherwise, `${title}, by name first`)
  }
  const rules = new Map([['r', { namespaces: [{ patterns: [prod], enforcement: 'deny' as const }] }]])
  const weak = enforce([found({ confidence: 'low' })], policy(undefined, { rules }), nowhere).enforced[0]
  t.match(weak, { enforcement: 'warn', remark: undefined }, 'it would not have been denied anyway')
  const low = enforce([found()], policy(undefined, { rules, ceiling: 'audit' }), nowhere).enforced[0]
  t.match(low, { enforcement: 'audit', remark: undefined }, 'the ceiling holds')
})

t.test('it excuses by exemption, then by annotation', async (t) => {
  const exemption = (expires?: string): Exemption => ({
    rule: 'r',
    reason: 'x',
    owner: 'team-a',
    expires: expires === undefined ? undefined : { text: expires, at: Date.parse(expires) },
  })
  const holds = [exemption()]
  const expired = [exemption('2027-01-14')]
  const other: readonly Exemption[] = [{ rule: 'other', reason: 'x' }]
  const ended = 'not exempt: the exemption expired on 2027-01-14 (owner team-a)'
  const unreasoned = 'not suppressed: suppress.meshgate.dev/r gives no reason'
  const mayNot = 'not suppressed: an annotation may not lift a denial here'
  // exemptions, reason of the annotation, enforcement, suppressDenials → outcome, remark: the table of `enforce`
  const table = [
    [holds, undefined, 'warn', false, 'exempted', undefined],
    [holds, 'because', 'deny', false, 'exempted', undefined],
    [holds, ' ', 'deny', true, 'exempted', undefined],
    [other, undefined, 'warn', false, 'enforced', undefined],
    [[], undefined, 'deny', true, 'enforced', undefined],
    [expired, undefined, 'warn', false, 'enforced', ended],
    [expired, undefined, 'deny', false, 'enforced', ended],
    [[...expired, ...holds], undefined, 'deny', false, 'exempted', undefined],
    [[], ' ', 'warn', false, 'enforced', unreasoned],
    [[], '', 'deny', true, 'enforced', unreasoned],
    [[], 'because', 'warn', false, 'suppressed', undefined],
    [[], 'because', 'audit', false, 'suppressed', undefined],
    [[], 'because', 'deny', false, 'enforced', mayNot],
    [[], 'because', 'deny', true, 'suppressed', undefined],
    [expired, 'because', 'warn', false, 'suppressed', undefined],
    [expired, 'because', 'deny', false, 'enforced', `${ended}; ${mayNot}`],
    [holds, 'because', 'off', false, undefined, undefined],
  ] as const
  for (const [exemptions, reason, enforcement, suppressDenials, outcome, remark] of table) {
    const subject = service(
      reason === undefined ? {} : { 'suppress.meshgate.dev/r': reason, 'suppress.meshgate.dev/other': 'x' },
    )
    const finding = found({ subject })
    const result = enforce([finding], policy(enforcement, { exemptions, suppressDenials }), nowhere)
    const title = JSON.stringify([exemptions, reason, enforcement, suppressDenials])
    const counts = {
      enforced: result.enforced.length,
      suppressed: result.suppressed.length,
      exempted: result.exempted.length,
    }
    t.same(counts, { enforced: 0, suppressed: 0, exempted: 0, ...(outcome ? { [outcome]: 1 } : {}) }, title)
    const [one] = result.enforced
    t.equal(one?.remark, remark, title)
    if (one)
      t.equal(one.finding, finding, 'the finding itself stays as it is: it is compared with that of the old object')
    if (one && remark !== undefined) t.equal(textOf(one), `t (${remark})`)
  }
})
