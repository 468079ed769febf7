import t from 'tap'
import { analyse } from '../../src/core/analyse.ts'
import { ruleDefiner } from '../../src/core/rule.ts'
import { snapshotOf, withSubject } from '../../src/core/snapshot.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { documentation } from './documentation.ts'

const defineRule = ruleDefiner<{ readonly limit: number }>()

const crowded = defineRule({
  ...documentation,
  id: 'namespace-crowded',
  messages: { crowded: '{{count}} Services in {{namespace}}, the limit is {{limit}}' },
  reads: ['Service'],
  check: {
    *Service(service, view) {
      const count = view.inNamespace('Service', service.namespace).length
      const { limit } = view.settings
      if (count > limit)
        yield {
          message: 'crowded',
          path: ['metadata'],
          data: { count, namespace: service.namespace, limit },
          confidence: 'high',
        }
    },
  },
})

const broken = defineRule({
  ...documentation,
  id: 'rule-broken',
  messages: { never: 'x' },
  reads: [],
  check: {
    // No yield: it throws before it could.
    *Service() {
      throw new Error('our fault')
    },
  },
})

const service = (name: string, annotations: Record<string, string> = {}): Resource => {
  const read = readResource({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'n', annotations } })
  if (read.as !== 'resource') throw new Error('not a resource')
  return read.resource
}

const settings = { limit: 1 }

t.test('it reports every finding, with its text filled', async (t) => {
  const subjects = [service('a'), service('b')]
  const { findings, failures } = analyse({
    subjects,
    snapshot: snapshotOf(subjects, 'input'),
    rules: [crowded],
    settings,
    stage: 'declared',
  })
  t.same(
    findings.map(({ text, subject }) => [text, subject.name]),
    [
      ['2 Services in n, the limit is 1', 'a'],
      ['2 Services in n, the limit is 1', 'b'],
    ],
  )
  t.same(failures, [])
})

t.test('it hides no finding when another rule throws', async (t) => {
  const subjects = [service('a'), service('b')]
  const snapshot = snapshotOf(subjects, 'input')
  const { findings, failures } = analyse({ subjects, snapshot, rules: [broken, crowded], settings, stage: 'declared' })
  t.equal(findings.length, 2)
  t.match(failures, [{ rule: 'rule-broken', error: { message: 'our fault' } }, { rule: 'rule-broken' }])
})

t.test('it refuses a rule that reads what it does not declare', async (t) => {
  const sneaky = { ...crowded, reads: [] }
  const subjects = [service('a')]
  const { failures } = analyse({
    subjects,
    snapshot: snapshotOf(subjects, 'input'),
    rules: [sneaky],
    settings,
    stage: 'declared',
  })
  t.match(failures, [{ error: { message: 'the rule reads Service, which it does not declare' } }])
})

t.test('it runs a rule only at the stage the rule judges', async (t) => {
  const subjects = [service('a'), service('b')]
  const snapshot = snapshotOf(subjects, 'input')
  const rules = [{ ...crowded, judges: 'admitted' as const }]
  t.equal(analyse({ subjects, snapshot, rules, settings, stage: 'declared' }).findings.length, 0)
  t.equal(analyse({ subjects, snapshot, rules, settings, stage: 'admitted' }).findings.length, 2)
})

t.test('it sees the subject in place of the object it replaces', async (t) => {
  const stored = service('a')
  const submitted = service('a', { new: 'yes' })
  const snapshot = withSubject(snapshotOf([stored, service('b')], 'cluster'), submitted)
  t.same(
    snapshot.inNamespace('Service', 'n').map((found) => found.metadata.annotations),
    [{}, { new: 'yes' }],
  )
  t.equal(snapshot.all('Service').length, 2)
  t.equal(snapshot.inNamespace('Service', 'other').length, 0)
  t.equal(snapshot.scope, 'cluster')
})
