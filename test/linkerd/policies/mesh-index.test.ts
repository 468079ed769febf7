import fc from 'fast-check'
import t from 'tap'
import { withoutSubject, withSubject } from '../../../src/core/snapshot.ts'
import { createStore, type Store } from '../../../src/core/store.ts'
import { viewOf } from '../../../src/core/view.ts'
import type { Resource } from '../../../src/k8s/resource.ts'
import { isServedInMesh } from '../../../src/linkerd/pods/mesh-summary.ts'
import { changedHome, type MeshView } from '../../../src/linkerd/pods/meshed.ts'
import { changedPods, namespacesHolding, podIndex } from '../../../src/linkerd/policies/mesh-index.ts'
import { policyReads } from '../../../src/linkerd/policies/policy-forms.ts'
import { scrapers } from '../../../src/linkerd/policies/scrapers.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { type Box, boxOf, intersect } from '../../../src/policy/box.ts'
import { namespaceKey, podKey } from '../../../src/policy/policy.ts'
import { portsOf } from '../../../src/policy/port-set.ts'
import { type Dice, diceFrom } from '../../oracle/worlds.ts'
import { resource } from '../world.ts'

/*
 * What is kept of the cluster knows nothing of a review. With what the review changes, the answers are those of a cluster in which it
 * has happened.
 */

const homes = ['a', 'b', 'c'] as const

const namespace = (dice: Dice, name: string) =>
  resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: { team: dice.oneOf(['x', 'y']), ...(dice.once(6) ? { 'linkerd.io/is-control-plane': 'true' } : {}) },
      annotations: { 'linkerd.io/inject': dice.oneOf(['enabled', 'disabled']) },
    },
  })

const deployment = (dice: Dice, name: string, home: string) =>
  resource('Deployment', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: home },
    spec: {
      template: {
        metadata: { labels: { app: dice.oneOf(['x', 'y', 'prometheus']) } },
        spec: { containers: [{ name: 'app', ports: [{ containerPort: dice.oneOf([8080, 9090]) }] }] },
      },
    },
  })

function storeWith(objects: readonly Resource[]): Store {
  const store = createStore()
  for (const one of objects) store.upsert(one)
  return store
}

const box = (app: string | undefined, team: string | undefined): Box =>
  intersect(
    boxOf(app === undefined ? {} : { matchLabels: { app } }, podKey) ?? new Map(),
    boxOf(team === undefined ? {} : { matchLabels: { team } }, namespaceKey) ?? new Map(),
  )
const boxes = [undefined, 'x', 'prometheus'].flatMap((app) => [undefined, 'x', 'y'].map((team) => box(app, team)))

/** Names of the Pods that a selector admits. */
function heldBy(selector: Box, view: MeshView): string[] {
  const index = podIndex(view)
  const without = index.none()
  const changed = changedHome(view)
  const found: string[] = []
  for (;;) {
    const pod = index.takeFirst(index.select(selector), index.select(new Map()), without)
    if (pod === undefined) break
    if (pod.namespace !== changed) found.push(`${pod.namespace} ${pod.name}`)
  }
  for (const { namespace: home, name } of changedPods(selector, view).flat()) found.push(`${home} ${name}`)
  return found.toSorted()
}

t.test('it answers within a review as if what it changes had happened', async (t) => {
  let found = 0
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const dice = diceFrom(seed)
      const namespaces = homes.flatMap((name) => (dice.once(6) ? [] : [namespace(dice, name)]))
      const workloads = homes.flatMap((home) =>
        dice.some(0, 3, () => home).map((_, i) => deployment(dice, `d${i}`, home)),
      )
      const objects = [...namespaces, ...workloads]
      const home = dice.oneOf(homes)
      const subject = dice.once(2) ? namespace(dice, home) : deployment(dice, `d${dice.pick(4)}`, home)
      const others = objects.filter(({ kind, name, namespace: place }) => {
        return kind !== subject.kind || name !== subject.name || place !== subject.namespace
      })
      const goes = dice.once(4)
      const { snapshot } = storeWith(objects)
      const within = goes ? withoutSubject(snapshot, subject) : withSubject(snapshot, subject)
      const after = storeWith(goes ? others : [...others, subject]).snapshot
      const answers = [within, after].map((one) => {
        const view = viewOf(one, policyReads, defaultSettings, 'admitted')
        return JSON.stringify([
          boxes.map((selector) => [heldBy(selector, view), [...namespacesHolding(selector, view)].toSorted()]),
          [8080, 9090].map((port) => isServedInMesh(portsOf([port]), view)),
          scrapers(view)
            .map(({ namespace: place, name }) => `${place} ${name}`)
            .toSorted(),
        ])
      })
      found += answers[0]?.split('Deployment').length ?? 0
      if (answers[0] !== answers[1]) throw new Error(`${answers.join('\n')}\n${JSON.stringify([subject, goes])}`)
    }),
    { numRuns: 1000, seed: 21 },
  )
  t.comment({ found })
  t.ok(found > 5000)
})
