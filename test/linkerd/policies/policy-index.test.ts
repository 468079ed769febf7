import fc from 'fast-check'
import t from 'tap'
import { createStore, type Store } from '../../../src/core/store.ts'
import { viewOf } from '../../../src/core/view.ts'
import { describe, type Resource } from '../../../src/k8s/resource.ts'
import { policyReads } from '../../../src/linkerd/policies/policy-forms.ts'
import { type IndexedPolicy, policyIndex } from '../../../src/linkerd/policies/policy-index.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { namespaceNameLabel } from '../../../src/policy/policy.ts'
import type { PolicyKind } from '../../../src/policy/translate.ts'
import { diceFrom } from '../../oracle/worlds.ts'
import { readPolicy } from '../../policy/translated.ts'
import { mixedPolicies } from './mixed-policies.ts'

/** All that the index answers, in words. */
function answers(store: Store): string {
  const { homes, peers, suspects, subjects } = policyIndex(
    viewOf(store.snapshot, policyReads, defaultSettings, 'admitted'),
  )
  const text = ({ resource, home, traits, says }: IndexedPolicy) =>
    `${describe(resource)} of ${home}: ${traits} ${[...says].join()}`
  const sorted = (all: Iterable<string>) => [...all].toSorted()
  const asked = ['a', 'b'].flatMap((name) =>
    [{}, { team: 'x' }, { team: 'y' }].map((one) => ({ ...one, [namespaceNameLabel]: name })),
  )
  return JSON.stringify(
    [
      sorted([...homes].map(([home, all]) => `${home}: ${sorted(all.map(text)).join('; ')}`)),
      asked.map((labels) => [
        sorted([...peers.holding(labels)].map(([one]) => text(one))),
        sorted([...suspects['opens-without-proxy-port'].holding(labels)].map(([one]) => text(one))),
        sorted([...subjects.holding(labels)].map(([one]) => text(one))),
      ]),
    ],
    undefined,
    1,
  )
}

t.test('it is the same after many changes as one that is made anew', async (t) => {
  let steps = 0
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 3, maxLength: 8 }), (seeds) => {
      const store = createStore()
      const known = new Map<string, Resource<PolicyKind>>()
      for (const seed of seeds) {
        const dice = diceFrom(seed)
        for (const object of mixedPolicies(dice)) {
          const one = readPolicy(object)
          const key = describe(one)
          if (known.has(key) && dice.once(2)) {
            known.delete(key)
            store.remove(one.kind, one.namespace, one.name)
          } else {
            known.set(key, one)
            store.upsert(one)
          }
          steps++
        }
        const fresh = createStore()
        for (const one of known.values()) fresh.upsert(one)
        const [kept, made] = [answers(store), answers(fresh)]
        if (kept !== made) throw new Error(`${kept}\ninstead of\n${made}`)
      }
    }),
    { numRuns: 150, seed: 9 },
  )
  t.comment({ steps })
  t.ok(steps > 1000)
})
