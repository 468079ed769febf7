import fc from 'fast-check'
import t from 'tap'
import type { Resource } from '../../../src/k8s/resource.ts'
import { wirePortGaps } from '../../../src/linkerd/policies/wire-port-gaps.ts'
import { networkPolicyFrom, type World, worldFrom } from '../../oracle/worlds.ts'
import { asCalico, asCilium, type WireNetworkPolicy } from '../../policy/same-meaning.ts'
import { readPolicy } from '../../policy/translated.ts'
import { resource, worldOf } from '../world.ts'

/* NetworkPolicies written again in another dialect, so that they mean the same, have the same gaps between the same Pods. */

const numRuns = 3000

/** Namespaces and Pods as they are on the wire; all of them meshed. */
function surroundings({ namespaces, endpoints }: World): Resource[] {
  const annotations = { 'linkerd.io/inject': 'enabled' }
  return [
    ...Object.entries(namespaces).map(([name, labels]) =>
      resource('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations, labels } }),
    ),
    ...endpoints.map(({ id, namespace, labels, ports }) =>
      resource('Pod', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: id.slice(namespace.length + 1), namespace, labels },
        spec: { containers: [{ name: 'app', ports: ports.map((port) => ({ ...port, containerPort: port.port })) }] },
      }),
    ),
  ]
}

/**
 * Which policies have gaps, and how sure they are. Between whom, where rules stay as they are: a dialect that needs several for
 * one has other Pods stand for those that nothing tells apart.
 */
function gapsOf(policies: readonly object[], world: World, names: boolean): readonly string[] {
  const read = policies.map(readPolicy)
  const view = worldOf([...surroundings(world), ...read], {}, 'cluster')
  const found = new Set<string>()
  for (const policy of read)
    for (const { direction, client, server, proxyPort, confidence } of wirePortGaps(policy, view))
      found.add(`${policy.name} ${direction} ${proxyPort} ${confidence}${names ? `: ${client} → ${server}` : ''}`)
  return [...found].toSorted()
}

/** Cilium takes no Pod for an address, and so says less of them. */
const isAboutPods = (policy: object) => !JSON.stringify(policy).includes('ipBlock')

for (const [dialect, rewrite, names] of [
  ['CiliumNetworkPolicy', asCilium, true],
  ['Calico NetworkPolicy', (policy: WireNetworkPolicy) => asCalico(policy, 10, false), false],
] as const)
  t.test(`it finds the same as in ${dialect}`, async (t) => {
    let gaps = 0
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const world = worldFrom(seed, networkPolicyFrom)
        const policies = world.policies.filter(isAboutPods) as WireNetworkPolicy[]
        const expected = gapsOf(policies, world, names)
        gaps += expected.length
        const found = gapsOf(policies.flatMap(rewrite), world, names)
        if (found.join('\n') !== expected.join('\n'))
          throw new Error(`${found.join('\n')}\nas NetworkPolicy\n${expected.join('\n')}\n${JSON.stringify(policies)}`)
      }),
      { numRuns, seed: 102 },
    )
    t.comment(`${numRuns} cases, ${gaps} gaps`)
    t.ok(gaps > 300, 'gaps are found')
  })
