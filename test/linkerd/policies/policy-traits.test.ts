import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { analyse } from '../../../src/core/analyse.ts'
import { type Scope, snapshotOf } from '../../../src/core/snapshot.ts'
import type { Resource } from '../../../src/k8s/resource.ts'
import { hasTrait, type Trait, traitsOf, wherePortsDiffer } from '../../../src/linkerd/policies/policy-traits.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { loadText } from '../../../src/manifests/load.ts'
import { type PolicyKind, policyKinds, translate } from '../../../src/policy/translate.ts'
import { rules } from '../../../src/rules/index.ts'
import { diceFrom } from '../../oracle/worlds.ts'
import { readPolicy } from '../../policy/translated.ts'
import { namespace, pod } from '../world.ts'
import { mixedPolicies } from './mixed-policies.ts'

/** What each rule looks for. */
const traitOf: Readonly<Record<string, Trait>> = {
  'network-policy-allows-only-proxy-port': 'opens-proxy-port',
  'network-policy-blocks-control-plane': 'closes-egress',
  'network-policy-cidr-covers-pods': 'opens-to-addresses',
  'network-policy-denies-proxy-port': 'denies-ports',
  'network-policy-filter-bypassed': 'filters',
  'network-policy-filters-proxy-port': 'filters',
  'network-policy-isolates-control-plane': 'closes-ingress',
  'network-policy-names-proxy-port': 'names-proxy-port',
  'network-policy-omits-admin-port': 'closes-ingress',
  'network-policy-omits-proxy-port': 'opens-without-proxy-port',
  'network-policy-opens-proxy-port-to-unmeshed': 'opens-only-proxy-port',
}

const policyRules = rules.filter(({ id }) => id.startsWith('network-policy-'))

function isPolicy(one: Resource): one is Resource<PolicyKind> {
  return policyKinds.some((kind) => kind === one.kind)
}

/** Findings by rule; each must be on a policy with the trait. */
function check(objects: readonly Resource[], scope: Scope, isUnlike: boolean): Map<string, number> {
  const subjects = objects.filter(isPolicy)
  const snapshot = snapshotOf(objects, scope)
  const { findings } = analyse({ subjects, snapshot, rules: policyRules, settings: defaultSettings, stage: 'admitted' })
  const counts = new Map<string, number>()
  for (const { rule, subject, text } of findings) {
    const trait = traitOf[rule]
    if (trait === undefined || !isPolicy(subject)) throw new Error(`${rule} has no trait`)
    counts.set(rule, (counts.get(rule) ?? 0) + 1)
    const wanted = isUnlike ? wherePortsDiffer(trait) : trait
    if (!hasTrait(traitsOf(translate(subject), defaultSettings), wanted)) throw new Error(`${subject.name}: ${text}`)
  }
  return counts
}

t.test('it has every rule about policies', async (t) => {
  t.same(
    policyRules.map(({ id }) => id),
    Object.keys(traitOf),
  )
})

t.test('it is true of every policy in which a rule finds something', async (t) => {
  const total = new Map<string, number>()
  const add = (counts: ReadonlyMap<string, number>) => {
    for (const [rule, count] of counts) total.set(rule, (total.get(rule) ?? 0) + count)
  }
  const home = join(import.meta.dirname, '../../rules')
  for (const file of globSync('network-policy-*/*.yaml', { cwd: home })) {
    const text = readFileSync(join(home, file), 'utf8')
    const { resources } = loadText(file, text)
    for (const scope of ['input', 'cluster'] as const)
      add(check(resources, scope, /inbound-port|INBOUND_LISTEN/.test(text)))
  }
  const meshed = { labels: { app: 'x', 'linkerd.io/control-plane-ns': 'linkerd' }, created: true }
  const world = ['a', 'b'].flatMap((name) => [
    namespace(name, 'enabled'),
    pod('web', { ...meshed, namespace: name }),
    pod('api', { ...meshed, namespace: name }),
  ])
  for (let seed = 0; seed < 400; seed++)
    add(check([...world, ...mixedPolicies(diceFrom(seed)).map(readPolicy)], 'cluster', false))
  t.comment(Object.fromEntries(total))
  for (const rule of Object.keys(traitOf)) t.ok((total.get(rule) ?? 0) > 0, rule)
})
