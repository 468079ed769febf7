import fc from 'fast-check'
import t from 'tap'
import { snapshotOf } from '../../../src/core/snapshot.ts'
import { viewOf } from '../../../src/core/view.ts'
import { podsIn } from '../../../src/linkerd/pods/pod-facts.ts'
import { isAllowed, isPod, onTcp } from '../../../src/linkerd/policies/policy-answer.ts'
import { policyReads } from '../../../src/linkerd/policies/policy-forms.ts'
import { policiesOn } from '../../../src/linkerd/policies/policy-world.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { verdictOn } from '../../../src/policy/verdict.ts'
import { clusterPolicyFrom } from '../../oracle/admin-worlds.ts'
import { ciliumPolicyFrom } from '../../oracle/cilium-worlds.ts'
import { endpointOf } from '../../oracle/compare.ts'
import { networkPolicyFrom, type World, worldFrom } from '../../oracle/worlds.ts'
import { readPolicy, translated } from '../../policy/translated.ts'
import { resource } from '../world.ts'

/** The world as rules see it. */
function viewOn({ namespaces, endpoints, policies }: World) {
  const objects = [
    ...Object.entries(namespaces).map(([name, labels]) =>
      resource('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }),
    ),
    ...endpoints.map(({ id, namespace, labels, ports }) =>
      resource('Pod', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: id.replace(/\W/g, '-'), namespace, labels, creationTimestamp: '2026-11-01T10:00:00Z' },
        spec: {
          containers: [
            { name: 'app', ports: ports.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })) },
          ],
        },
      }),
    ),
    ...policies.map(readPolicy),
  ]
  return viewOf(snapshotOf(objects, 'cluster'), policyReads, defaultSettings, 'admitted')
}

t.test('it answers as the verdict does, or does not know', async (t) => {
  const counts = { yes: 0, no: 0, maybe: 0 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = worldFrom(seed, (dice, i) => {
        if (dice.once(3)) return networkPolicyFrom(dice, i)
        return dice.once(2) ? ciliumPolicyFrom(dice, i) : clusterPolicyFrom(dice, i)
      })
      const view = viewOn(world)
      const policies = translated(...world.policies)
      const podOf = (id: string) => world.endpoints.find((one) => one.id === id)
      const factsOf = (id: string) => {
        const name = `Pod ${podOf(id)?.namespace}/${id.replace(/\W/g, '-')}`
        return podsIn(podOf(id)?.namespace ?? '', view).find((pod) => pod.name === name)
      }
      for (const { subject, direction, peer, port } of world.queries) {
        if (typeof peer !== 'string') continue
        const [self, other] = [podOf(subject), podOf(peer)]
        const [selfFacts, otherFacts] = [factsOf(subject), factsOf(peer)]
        if (!self || !other || !selfFacts || !otherFacts) throw new Error(`${subject} ${peer}`)
        const server = direction === 'ingress' ? selfFacts : otherFacts
        const question = { direction, ports: onTcp(port, server), peer: isPod(otherFacts, view) }
        const answer = isAllowed(policiesOn(selfFacts, view), question)
        counts[answer]++
        if (answer === 'maybe') continue
        const verdict = verdictOn(policies, direction, endpointOf(self, world), endpointOf(other, world), port)
        // Of equal priorities the verdict is not certain: there each of the two may be the answer.
        if (verdict.certain && verdict.allowed !== (answer === 'yes'))
          throw new Error(JSON.stringify({ answer, verdict, subject, direction, peer, port, policies: world.policies }))
      }
    }),
    { numRuns: 1000, seed: 1 },
  )
  t.comment(`1000 worlds`, counts)
  t.ok(counts.yes > 500 && counts.no > 500, 'both happen often')
})
