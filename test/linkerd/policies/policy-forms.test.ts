import t from 'tap'
import type { Resource } from '../../../src/k8s/resource.ts'
import {
  formsOf,
  isClusterwide,
  placesOf,
  policiesIn,
  unplacedForms,
} from '../../../src/linkerd/policies/policy-forms.ts'
import { podKey } from '../../../src/policy/policy.ts'
import type { PolicyKind } from '../../../src/policy/translate.ts'
import { readPolicy } from '../../policy/translated.ts'
import { pod, policy, resource, worldOf } from '../world.ts'

const known = ['a', 'b'].map((name) =>
  resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { team: name === 'a' ? 'x' : 'y' }, annotations: { 'linkerd.io/inject': 'enabled' } },
  }),
)
const pods = ['a', 'b', 'c'].map((namespace) => pod('p', { namespace, labels: { app: 'web' } }))

function wide(name: string, terms: object): Resource<PolicyKind> {
  const spec = { endpointSelector: { matchLabels: terms }, ingress: [{ fromEndpoints: [{}] }] }
  return readPolicy({ apiVersion: 'cilium.io/v2', kind: 'CiliumClusterwideNetworkPolicy', metadata: { name }, spec })
}

const everybody = wide('everybody', {})
const teamX = wide('team-x', { 'k8s:io.cilium.k8s.namespace.labels.team': 'x', app: 'web' })
const onlyB = wide('only-b', { 'k8s:io.kubernetes.pod.namespace': 'b' })
const own = policy('own', { podSelector: {} }, 'a')
const foreign = readPolicy({
  apiVersion: 'cilium.io/v2',
  kind: 'CiliumNetworkPolicy',
  metadata: { name: 'foreign', namespace: 'b' },
  spec: {
    endpointSelector: { matchLabels: { 'k8s:io.cilium.k8s.namespace.labels.team': 'x' } },
    ingress: [{ fromEndpoints: [{}] }],
  },
})
const unplaced = policy('unplaced', { podSelector: {} }, '${NAMESPACE}')
const all = [own, foreign, unplaced, everybody, teamX, onlyB]

t.test('it finds the policies about Pods of a namespace, and what wide ones say of it', async (t) => {
  const view = worldOf([...known, ...pods, ...all])
  // Of namespace `c` only the name is known: whether team-x is about it nobody knows.
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['a', ['own', 'everybody', 'team-x']],
    ['b', ['everybody', 'only-b']],
    ['c', ['everybody', 'team-x?']],
    ['', ['everybody', 'team-x', 'only-b']],
  ]
  for (const [namespace, expected] of table)
    t.strictSame(
      policiesIn(namespace, view).map(({ name, unknownSubject }) => `${name}${unknownSubject ? '?' : ''}`),
      expected,
      `in ${namespace}`,
    )
  const [, , narrowed] = policiesIn('a', view)
  t.strictSame([...(narrowed?.subject.keys() ?? [])], [`${podKey}app`], 'its subject speaks of Pods alone')
})

t.test('it knows for which namespaces a policy is surely one', async (t) => {
  const table: readonly (readonly [Resource<PolicyKind>, readonly string[]])[] = [
    [own, ['a']],
    [foreign, []],
    [everybody, ['a', 'b', 'c']],
    [teamX, ['a']],
    [onlyB, ['b']],
  ]
  for (const scope of ['input', 'cluster'] as const) {
    const view = worldOf([...known, ...pods, ...all], {}, scope)
    for (const [object, expected] of table) {
      const places = formsOf(object, view).flatMap((form) => placesOf(form, isClusterwide(object), view))
      t.strictSame(places.map(({ namespace }) => namespace).toSorted(), expected, `${object.name}, ${scope}`)
    }
  }
})

t.test('it translates an object once, and keeps apart those whose namespace is not filled in', async (t) => {
  const view = worldOf([...known, ...all])
  for (const object of all) t.equal(formsOf(object, view), formsOf(object, view), object.name)
  t.strictSame(
    unplacedForms(view).map(({ name }) => name),
    ['unplaced'],
  )
})
