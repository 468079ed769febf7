import t from 'tap'
import type { Resource } from '../../../src/k8s/resource.ts'
import { deniedProxyPorts } from '../../../src/linkerd/policies/denied-proxy-port.ts'
import { type GapView } from '../../../src/linkerd/policies/gap-view.ts'
import { wirePortGaps } from '../../../src/linkerd/policies/wire-port-gaps.ts'
import { namespaceNameLabel } from '../../../src/policy/policy.ts'
import type { PolicyKind } from '../../../src/policy/translate.ts'
import { type Dice, diceFrom } from '../../oracle/worlds.ts'
import { readPolicy } from '../../policy/translated.ts'
import { pod, resource, worldOf } from '../world.ts'
import { mixedPolicies } from './mixed-policies.ts'

/*
 * Pods that nothing tells apart are judged by a few of them. The definition does not know them: it asks for each two Pods in a
 * world where there is nobody else.
 */

const teams: Readonly<Record<string, string>> = { a: 'x', b: 'y' }
const namespaces = Object.entries(teams).map(([name, team]) =>
  resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      annotations: { 'linkerd.io/inject': 'enabled' },
      labels: { team, [namespaceNameLabel]: name },
    },
  }),
)

function manyPods(dice: Dice): Resource<'Pod'>[] {
  return dice
    .some(8, 11, () => 0)
    .map((_, i) => {
      const namespace = dice.oneOf(['a', 'a', 'b'])
      const app = dice.oneOf([undefined, 'x', 'x', 'y'])
      const mesh = { 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': namespace }
      const labels = JSON.parse(JSON.stringify({ app, 'asked-for-by-nobody': `${i}`, ...mesh }))
      const annotations = dice.once(6) ? { 'config.linkerd.io/inbound-port': '5143' } : {}
      return pod(`p${i}`, { namespace, labels, annotations, created: true })
    })
}

interface Found {
  readonly rule: string
  readonly confidence: string
  readonly pair: string
}

function foundIn(object: Resource<PolicyKind>, view: GapView): Found[] {
  return [...wirePortGaps(object, view), ...deniedProxyPorts(object, view)].flatMap(
    ({ direction, rule, client, server, confidence, proxyPort }) =>
      client.startsWith('Pod ') && server.startsWith('Pod ')
        ? [{ rule: `${direction} ${rule.path.join('/')} ${proxyPort}`, confidence, pair: `${client} ${server}` }]
        : [],
  )
}

/** Rules, ports of proxies, and how sure it is. */
function summary(found: readonly Found[]): string {
  return [...new Set(found.map(({ rule, confidence }) => `${rule} ${confidence}`))].toSorted().join()
}

t.test('it finds by a few of those alike what asking about each two finds', async (t) => {
  const cases = 50
  const counts = { objects: 0, pairs: 0, told: 0 }
  for (let seed = 0; seed < cases; seed++) {
    const dice = diceFrom(seed)
    const objects = mixedPolicies(dice).map(readPolicy)
    const pods = manyPods(dice)
    const couples = pods.flatMap((one, i) => pods.slice(i + 1).map((other) => [one, other]))
    for (const scope of ['input', 'cluster'] as const) {
      const together = worldOf([...namespaces, ...pods, ...objects], {}, scope)
      const alone = couples.map((couple) => worldOf([...namespaces, ...couple, ...objects], {}, scope))
      for (const object of objects) {
        counts.objects++
        const expected = alone.flatMap((view) => foundIn(object, view))
        const found = foundIn(object, together)
        counts.pairs += expected.length
        counts.told += found.length
        const pairs = new Set(expected.map(({ rule, pair }) => `${rule} ${pair}`))
        const invented = found.find(({ rule, pair }) => !pairs.has(`${rule} ${pair}`))
        if (summary(found) !== summary(expected) || invented)
          throw new Error(
            `seed ${seed}, ${scope}, ${object.name}: ${summary(found)}, by the definition ${summary(expected)}; ${invented?.pair}`,
          )
      }
    }
  }
  t.comment(`${cases} cases`, counts)
  t.ok(counts.told > 500 && counts.pairs > 1.3 * counts.told, 'many pairs are told by few')
})
