import t from 'tap'
import {
  canary,
  clusterAccess,
  linkerdAccess,
  mutatingWebhooks,
  validatingWebhooks,
  type Webhook,
} from '../../src/admission/registration.ts'
import type { KindName } from '../../src/k8s/kinds.ts'
import { rules } from '../../src/rules/index.ts'

/** `group/resource operation` of every rule. */
const asked = (webhooks: readonly Webhook[]) =>
  webhooks.flatMap(({ rules: all }) =>
    all.flatMap(({ apiGroups, resources, operations }) =>
      resources.flatMap((resource) => operations.map((operation) => `${apiGroups[0]}/${resource} ${operation}`)),
    ),
  )

const one = (check: readonly KindName[], reads: readonly KindName[], judges: 'both' | 'declared' = 'both') => [
  { check: Object.fromEntries(check.map((kind) => [kind, () => []])), reads, judges },
]

t.test('it asks about what a rule judges and what it reads, each once', async (t) => {
  const small = one(['NetworkPolicy', 'Deployment'], ['Namespace', 'NetworkPolicy', 'Pod'])
  t.same(asked(validatingWebhooks(small)), [
    'networking.k8s.io/networkpolicies CREATE',
    'networking.k8s.io/networkpolicies UPDATE',
    '/pods CREATE',
    '/pods UPDATE',
    '/namespaces CREATE',
    '/namespaces UPDATE',
    'apps/deployments CREATE',
    'apps/deployments UPDATE',
    'networking.k8s.io/networkpolicies DELETE',
    '/configmaps CREATE',
  ])
  t.same(asked(mutatingWebhooks(small)), [
    'apps/deployments CREATE',
    'apps/deployments UPDATE',
    'networking.k8s.io/networkpolicies CREATE',
    'networking.k8s.io/networkpolicies UPDATE',
  ])
  const all = asked(validatingWebhooks(rules))
  t.same(all, [...new Set(all)])
})

t.test('it fails closed only for what no cluster needs to start', async (t) => {
  for (const { name, failurePolicy, rules: all } of validatingWebhooks(rules)) {
    if (failurePolicy === 'Ignore' || name === canary.entry) continue
    for (const { apiGroups, operations } of all) {
      t.notOk(['', 'apps', 'batch'].includes(apiGroups[0] ?? ''))
      t.notOk(operations.includes('DELETE'), 'a removal is never stopped')
    }
  }
})

t.test('it leaves the same namespaces out by selector and by condition', async (t) => {
  const entries = [...validatingWebhooks(rules), ...mutatingWebhooks(rules)].filter(({ name }) => name !== canary.entry)
  t.equal(entries.length, 4)
  for (const { name, namespaceSelector, matchConditions } of entries) {
    const [{ operator, values }] = namespaceSelector.matchExpressions
    t.equal(operator, 'NotIn')
    const condition = matchConditions?.find((one) => one.name === 'in-scope')
    t.same(
      [...(condition?.expression.matchAll(/'([a-z-]+)'/g) ?? [])].map(([, found]) => found),
      [...values],
      name,
    )
    for (const needed of ['kube-system', 'cert-manager', 'linkerd', 'meshgate']) t.ok(values.includes(needed), needed)
  }
})

t.test('it is asked about its own canary, which matches nothing else and tells why it fails', async (t) => {
  const found = validatingWebhooks(rules).find(({ name }) => name === canary.entry)
  t.match(found, { failurePolicy: 'Fail', objectSelector: { matchLabels: { [canary.label]: 'true' } } })
  t.same(found?.namespaceSelector.matchExpressions, [
    { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['meshgate'] },
  ])
  t.equal(found?.matchConditions, undefined, 'whose namespace all other entries leave out')
  t.same(asked(found ? [found] : []), ['/configmaps CREATE'])
})

t.test('it does not ask about what is judged in files only', async (t) => {
  t.same(asked(validatingWebhooks(one(['Service'], [], 'declared'))), ['/configmaps CREATE'])
  t.same(asked(mutatingWebhooks(one(['Service'], [], 'declared'))), [])
})

t.test('it may read what rules read, and no Secret', async (t) => {
  t.same(clusterAccess(one(['Service'], ['Server', 'Pod'])), [
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
    { apiGroups: ['policy.linkerd.io'], resources: ['servers'], verbs: ['list', 'watch'] },
  ])
  for (const { resources, verbs, resourceNames } of clusterAccess(rules)) {
    t.notOk(resources.includes('secrets') || resources.includes('*'))
    t.same(verbs, ['list', 'watch'])
    t.equal(resourceNames, undefined)
  }
})

t.test('it may read of the control plane only what it names', async (t) => {
  t.same(
    linkerdAccess().map(({ resources, resourceNames }) => [resources, resourceNames]),
    [
      [['configmaps'], ['linkerd-config', 'linkerd-identity-trust-roots']],
      [['deployments'], ['linkerd-destination']],
    ],
  )
})
