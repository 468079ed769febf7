import fc from 'fast-check'
import t from 'tap'
import { createProjector } from '../../../src/cluster/project.ts'
import { type Snapshot, snapshotOf, withoutSubject, withSubject } from '../../../src/core/snapshot.ts'
import { createStore } from '../../../src/core/store.ts'
import { viewOf } from '../../../src/core/view.ts'
import { type Resource, readResource } from '../../../src/k8s/resource.ts'
import { type MeshView, meshReads } from '../../../src/linkerd/pods/meshed.ts'
import { podsIn } from '../../../src/linkerd/pods/pod-facts.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'

/*
 * What a review adds to, or takes from, what is kept of a namespace, against the same world looked at for the first time.
 */

const label = fc.constantFrom('x', 'y')
const place = fc.record({
  kind: fc.constantFrom<('Pod' | 'Deployment' | 'Namespace')[]>('Pod', 'Pod', 'Pod', 'Deployment', 'Namespace'),
  name: fc.constantFrom('1', '2', '3'),
  app: label,
  annotated: fc.boolean(),
})
type Sketch = typeof place extends fc.Arbitrary<infer T> ? T : never

function wireOf({ kind, name, app, annotated }: Sketch): Record<string, unknown> {
  const annotations = annotated
    ? { 'config.linkerd.io/skip-inbound-ports': '9000', 'linkerd.io/inject': 'enabled' }
    : {}
  const spec = { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }] }
  const labels = { app, ...(kind === 'Pod' ? { 'linkerd.io/control-plane-ns': 'linkerd' } : {}) }
  switch (kind) {
    case 'Namespace':
      return { apiVersion: 'v1', kind, metadata: { name: 'a', annotations } }
    case 'Deployment': {
      const template = { metadata: { labels, annotations }, spec }
      return { apiVersion: 'apps/v1', kind, metadata: { name, namespace: 'a' }, spec: { template } }
    }
    default:
      return { apiVersion: 'v1', kind, metadata: { name, namespace: 'a', labels, annotations }, spec }
  }
}

/** As a review brings it: it shares nothing with what is kept. */
function submitted(sketch: Sketch): Resource {
  const read = readResource(wireOf(sketch))
  if (read.as !== 'resource') throw new Error('not a resource')
  return read.resource
}

/** Everything but by what Pods were put together. */
function seen(snapshot: Snapshot): string[] {
  const view: MeshView = viewOf(snapshot, meshReads, defaultSettings, 'admitted')
  return podsIn('a', view)
    .map((facts) => JSON.stringify({ ...facts, key: '', named: [...facts.named] }))
    .toSorted()
}

t.test('it sees the Pods of a review as if they had always been there', async (t) => {
  let before = 0
  fc.assert(
    fc.property(
      fc.array(place, { maxLength: 12 }),
      fc.array(place, { minLength: 1, maxLength: 4 }),
      (all, subjects) => {
        const store = createStore()
        const project = createProjector()
        for (const sketch of all) {
          const wire = wireOf(sketch)
          const found = project(sketch.kind, String(wire['apiVersion']), wire)
          if (found.as !== 'resource') throw new Error(found.as)
          store.upsert(found.resource)
          before += seen(store.snapshot).length
        }
        for (const sketch of subjects) {
          const subject = submitted(sketch)
          for (const world of [withSubject(store.snapshot, subject), withoutSubject(store.snapshot, subject)]) {
            const objects = (['Namespace', 'Deployment', 'Pod'] as const).flatMap((kind): readonly Resource[] =>
              world.all(kind),
            )
            t.strictSame(seen(world), seen(snapshotOf(objects, 'cluster')))
          }
        }
      },
    ),
    { numRuns: 300, seed: 37 },
  )
  t.ok(before > 3000, 'there was something kept')
})
