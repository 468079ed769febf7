import fc from 'fast-check'
import t from 'tap'
import { snapshotOf } from '../../../src/core/snapshot.ts'
import { createStore } from '../../../src/core/store.ts'
import { viewOf } from '../../../src/core/view.ts'
import type { Resource } from '../../../src/k8s/resource.ts'
import { type GapView, gapReads } from '../../../src/linkerd/policies/gap-view.ts'
import { type WirePortGap, wirePortGaps } from '../../../src/linkerd/policies/wire-port-gaps.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { pod, policy, resource } from '../world.ts'
import { brokenByDefinition, namespaceLabels, type PossiblePod, policies, specOf } from './small-policies.ts'

/*
 * The concrete mode: a cluster that changes, judged by sets of Pods that are corrected as it does, against the definition over
 * every pair, and against the same objects as files.
 */

const directions = ['ingress', 'egress'] as const

const label = fc.option(fc.constantFrom('x', 'y', 'other'), { nil: undefined })
const sketch = fc.record({
  name: fc.nat(6),
  namespace: fc.constantFrom<('a' | 'b' | 'c')[]>('a', 'b', 'b', 'c'),
  app: label,
  constructor: label,
  meshed: fc.constantFrom(true, true, true, true, false),
})
const step = fc.oneof(
  { arbitrary: sketch.map((one) => ({ do: 'put' as const, one })), weight: 4 },
  { arbitrary: sketch.map((one) => ({ do: 'remove' as const, one })), weight: 1 },
  {
    arbitrary: fc.tuple(fc.constantFrom<('b' | 'c')[]>('b', 'c'), fc.constantFrom('x', 'y')).map(([name, team]) => ({
      do: 'label' as const,
      name,
      team,
    })),
    weight: 1,
  },
)

const asNamespace = (name: string, labels: Readonly<Record<string, string>>) =>
  resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations: { 'linkerd.io/inject': 'enabled' }, labels },
  })

/** Rules that are surely broken: `direction index`. */
function sure(gaps: readonly WirePortGap[]): string[] {
  const high = gaps.filter(({ confidence }) => confidence === 'high')
  return [...new Set(high.map(({ direction, rule }) => `${direction} ${rule.index}`))].toSorted()
}

t.test('it finds the same in a changing cluster, by the definition and in files', async (t) => {
  const counts = { steps: 0, broken: 0, far: 0 }
  fc.assert(
    fc.property(policies, fc.array(step, { minLength: 8, maxLength: 20 }), (all, steps) => {
      const store = createStore()
      const teams = new Map<string, Readonly<Record<string, string>>>(Object.entries(namespaceLabels))
      const known = new Map<string, { resource: Resource<'Pod'>; possible: PossiblePod }>()
      for (const [name, labels] of teams) store.upsert(asNamespace(name, labels))
      const objects = all.map((one, i) => policy(`p${i}`, specOf(one)))
      for (const object of objects) store.upsert(object)
      const view: GapView = viewOf(store.snapshot, gapReads, defaultSettings, 'admitted')
      for (const one of steps) {
        counts.steps++
        if (one.do === 'label') {
          teams.set(one.name, { team: one.team })
          store.upsert(asNamespace(one.name, { team: one.team }))
        } else {
          const { name, namespace, app, constructor, meshed } = one.one
          const key = `${namespace}/${name}`
          if (one.do === 'remove') {
            known.delete(key)
            store.remove('Pod', namespace, `pod${name}`)
          } else {
            const mesh = meshed ? { 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': namespace } : {}
            const labels = JSON.parse(JSON.stringify({ app, constructor, ...mesh }))
            const made = pod(`pod${name}`, { namespace, labels, created: true })
            known.set(key, { resource: made, possible: { namespace, namespaceLabels: {}, labels } })
            store.upsert(made)
          }
        }
        const meshedPods = [...known.values()]
          .filter(({ possible }) => Object.hasOwn(possible.labels, 'linkerd.io/control-plane-ns'))
          .map(({ possible }): PossiblePod => {
            const ofNamespace = { ...teams.get(possible.namespace), 'kubernetes.io/metadata.name': possible.namespace }
            return { ...possible, namespaceLabels: ofNamespace }
          })
        const files = viewOf(
          snapshotOf([...store.snapshot.all('Namespace'), ...store.snapshot.all('Pod'), ...objects], 'input'),
          gapReads,
          defaultSettings,
          'admitted',
        )
        for (const [i, judged] of all.entries()) {
          const object = objects[i]
          if (!object) throw new Error('no policy')
          const expected = directions.flatMap((direction) =>
            brokenByDefinition(
              all,
              judged,
              direction,
              meshedPods.filter(({ namespace }) => namespace === 'a'),
              meshedPods,
              (target, peer) => target !== peer,
            ).map(({ rule, peer }) => {
              if (peer.namespace !== 'a') counts.far++
              return `${direction} ${rule}`
            }),
          )
          const byDefinition = [...new Set(expected)].toSorted().join()
          counts.broken += expected.length
          const live = sure([...wirePortGaps(object, view)]).join()
          if (live !== byDefinition) throw new Error(`p${i}: ${live} in the cluster, ${byDefinition} by the definition`)
          const written = sure(
            [...wirePortGaps(object, files)].filter(
              ({ client, server }) => client.startsWith('Pod ') && server.startsWith('Pod '),
            ),
          ).join()
          if (live !== written) throw new Error(`p${i}: ${live} in the cluster, ${written} in files`)
        }
      }
    }),
    { numRuns: 250, seed: 47 },
  )
  t.comment(counts)
  t.ok(counts.far > 400 && counts.broken > 700, 'many are broken, near and far')
})
