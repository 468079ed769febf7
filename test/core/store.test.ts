import fc from 'fast-check'
import t from 'tap'
import { analyse } from '../../src/core/analyse.ts'
import { ruleDefiner } from '../../src/core/rule.ts'
import { type Snapshot, withoutSubject, withSubject } from '../../src/core/snapshot.ts'
import { createStore } from '../../src/core/store.ts'
import { type View, viewOf } from '../../src/core/view.ts'
import type { KindName } from '../../src/k8s/kinds.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { documentation } from './documentation.ts'

type Reads = 'Service' | 'Namespace'
type Seen = View<Reads, { readonly unit: number }>

const reads = ['Service', 'Namespace'] as const
const settings = { unit: 1 }

function resource(kind: KindName, namespace: string, name: string, size = 0): Resource {
  const metadata = { name, annotations: { size: String(size) }, ...(kind === 'Namespace' ? {} : { namespace }) }
  const read = readResource({ apiVersion: 'v1', kind, metadata })
  if (read.as !== 'resource') throw new Error('not a resource')
  return read.resource
}

const sizeOf = (found: Resource) => Number(found.metadata.annotations?.['size'])
const sum = (found: readonly Resource[]) => found.reduce((total, one) => total + sizeOf(one), 0)

/** Three ways to keep a number: over everything, per namespace, and corrected in place. */
const total = (view: Seen) => sum(view.all('Service')) * view.settings.unit
const totalIn = (view: Seen, namespace: string) =>
  sum(view.inNamespace('Service', namespace)) + sum(view.inNamespace('Namespace', namespace))
const startTotals = (view: Seen) =>
  new Map([...view.namespacesWith('Service')].map((namespace) => [namespace, view.deriveFor(namespace, totalIn)]))
const correctTotals = (totals: Map<string, number>, changed: readonly { namespace: string }[], view: Seen) => {
  for (const { namespace } of changed)
    if (view.inNamespace('Service', namespace).length === 0) totals.delete(namespace)
    else totals.set(namespace, view.deriveFor(namespace, totalIn))
}

const byName = ([a]: readonly [string, number], [b]: readonly [string, number]) => (a < b ? -1 : 1)

function derived(snapshot: Snapshot) {
  const view = viewOf<Reads, { readonly unit: number }>(snapshot, reads, settings, 'admitted')
  return {
    total: view.derive(total),
    totals: ['a', 'b', 'c'].map((namespace) => view.deriveFor(namespace, totalIn)),
    maintained: [...view.maintain(startTotals, correctTotals)].toSorted(byName),
  }
}

function computed(snapshot: Snapshot) {
  const view = viewOf<Reads, { readonly unit: number }>(snapshot, reads, settings, 'admitted')
  return {
    total: total(view),
    totals: ['a', 'b', 'c'].map((namespace) => totalIn(view, namespace)),
    maintained: [...view.namespacesWith('Service')].map((n) => [n, totalIn(view, n)] as const).toSorted(byName),
  }
}

const kind = fc.constantFrom<KindName>('Service', 'Namespace', 'Pod')
const place = fc.record({ kind, namespace: fc.constantFrom('a', 'b', 'c'), name: fc.constantFrom('a', 'b', 'c') })
const object = fc
  .tuple(place, fc.nat(9))
  .map(([{ kind, namespace, name }, size]) => resource(kind, namespace, name, size))
const step = fc.oneof(
  object.map((one) => ({ do: 'upsert' as const, one })),
  place.map((where) => ({ do: 'remove' as const, where })),
  fc.tuple(kind, fc.array(object, { maxLength: 5 })).map(([kind, all]) => ({
    do: 'replace' as const,
    kind,
    all: all.filter((one) => one.kind === kind),
  })),
)

t.test('it derives from a changing store what it would derive from one made anew', async (t) => {
  let steps = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(step, object), { minLength: 1, maxLength: 30 }), (all) => {
      const { snapshot, ...store } = createStore()
      const model = new Map<string, Resource>()
      const keyOf = (kind: KindName, namespace: string, name: string) =>
        `${kind}/${kind === 'Namespace' ? '' : namespace}/${name}`
      for (const [one, subject] of all) {
        steps++
        if (one.do === 'upsert') {
          store.upsert(one.one)
          model.set(keyOf(one.one.kind, one.one.namespace, one.one.name), one.one)
        } else if (one.do === 'remove') {
          const { kind, namespace, name } = one.where
          store.remove(kind, namespace, name)
          model.delete(keyOf(kind, namespace, name))
        } else {
          store.replace(one.kind, one.all)
          for (const [key, found] of model) if (found.kind === one.kind) model.delete(key)
          for (const found of one.all) model.set(keyOf(found.kind, found.namespace, found.name), found)
        }
        t.equal(sum(snapshot.all('Service')), sum([...model.values()].filter((found) => found.kind === 'Service')))
        for (const world of [snapshot, withSubject(snapshot, subject), withoutSubject(snapshot, subject)])
          t.strictSame(derived(world), computed(world))
      }
    }),
    { numRuns: 300, seed: 20261125 },
  )
  t.comment(`${steps} steps`)
})

t.test('it makes nothing again while nothing that was looked at changes', async (t) => {
  const { snapshot, upsert } = createStore()
  let runs = 0
  const count = (view: Seen, namespace: string) => {
    runs++
    return view.inNamespace('Service', namespace).length
  }
  const ask = (world: Snapshot) =>
    viewOf<Reads, unknown>(world, reads, settings, 'admitted').deriveFor('a', count as never)
  upsert(resource('Service', 'a', 'x'))
  ask(snapshot)
  upsert(resource('Service', 'b', 'x'))
  upsert(resource('Service', 'a', 'x'))
  ask(snapshot)
  ask(withSubject(snapshot, resource('Service', 'b', 'y')))
  ask(withSubject(snapshot, resource('Pod', 'a', 'y')))
  t.equal(runs, 1, 'neither by another namespace, nor by an equal object, nor by a subject elsewhere')
  ask(withSubject(snapshot, resource('Service', 'a', 'y')))
  t.equal(runs, 2)
  upsert(resource('Service', 'a', 'y'))
  ask(snapshot)
  t.equal(runs, 3)
})

t.test('it corrects a maintained value after any number of changes', async (t) => {
  const { snapshot, upsert } = createStore()
  upsert(resource('Service', 'a', 'x', 1))
  t.same(derived(snapshot).maintained, [['a', 1]])
  for (let i = 0; i < 10_000; i++) upsert(resource('Service', 'b', `s${i}`, 1))
  t.same(derived(snapshot).maintained, [
    ['a', 1],
    ['b', 10_000],
  ])
})

t.test('it neither denies nor finds by what was not read', async (t) => {
  const rule = ruleDefiner<{ readonly unit: number }>()({
    ...documentation,
    id: 'service-alone',
    messages: { alone: 'alone' },
    reads: ['Pod'],
    check: {
      *Service(service, view) {
        if (view.inNamespace('Pod', service.namespace).length === 0)
          yield { message: 'alone', path: [], data: {}, confidence: 'high' }
      },
    },
  })
  const { snapshot, mark } = createStore()
  const subject = resource('Service', 'a', 'x')
  const judged = () => {
    const { findings, doubts } = analyse({ subjects: [subject], snapshot, rules: [rule], settings, stage: 'admitted' })
    return { confidences: findings.map(({ confidence }) => confidence), doubts }
  }
  t.same(judged(), {
    confidences: [],
    doubts: [{ rule: 'service-alone', kind: 'Pod', trouble: { as: 'unsynced', why: 'not read yet' } }],
  })
  mark('Pod', { as: 'stale', why: 'not heard of for 6 min' })
  t.match(judged(), { confidences: ['medium'], doubts: [{ trouble: { as: 'stale' } }] })
  mark('Pod', undefined)
  t.same(judged(), { confidences: ['high'], doubts: [] })
  t.equal(snapshot.trouble('Secret'), undefined, 'what nobody may watch is no trouble')
})

t.test('it makes a value again when what it took from around the subject no longer holds', async (t) => {
  const { snapshot, upsert } = createStore()
  upsert(resource('Service', 'a', 'x', 1))
  upsert(resource('Service', 'b', 'x', 1))
  /** Looks at `b` around the subject, and at `a` with it. */
  const both = (view: Seen) => sum(view.around().inNamespace('Service', 'b')) + sum(view.inNamespace('Service', 'a'))
  const ask = (world: Snapshot) =>
    viewOf<Reads, { readonly unit: number }>(world, reads, settings, 'admitted').derive(both)
  t.equal(ask(withSubject(snapshot, resource('Pod', 'a', 'y'))), 2)
  upsert(resource('Service', 'b', 'x', 5))
  t.equal(ask(withSubject(snapshot, resource('Pod', 'a', 'y'))), 6)
})
