import t from 'tap'
import { isMeant, type NamespacePattern, namespaceIn, namespaceNameOf } from '../../src/core/namespace-pattern.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { resourceOf } from './resource-of.ts'

const namespace = (name: string, labels: Record<string, string> = {}) =>
  resourceOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }, 'Namespace')

const prod: NamespacePattern = { selector: { matchLabels: { env: 'prod' } } }
const notProd: NamespacePattern = {
  selector: { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] },
}
const byNameLabel: NamespacePattern = { selector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } }

t.test('it means namespaces by name and by labels, and knows what it does not know', async (t) => {
  const shop = namespace('shop', { env: 'prod' })
  const plain = namespace('shop')
  const waiting = namespace('shop', { env: '${ENV}' })
  // patterns, name, the Namespace → is it meant
  const table = [
    [[], 'shop', shop, 'no'],
    [['shop'], 'shop', undefined, 'yes'],
    [['sh*'], 'shop', undefined, 'yes'],
    [['shops', 'web'], 'shop', shop, 'no'],
    [[prod], 'shop', shop, 'yes'],
    [[prod], 'shop', plain, 'no'],
    [[prod], 'shop', undefined, 'unknown'],
    [[notProd], 'shop', shop, 'no'],
    [[notProd], 'shop', plain, 'yes'],
    [[notProd], 'shop', undefined, 'unknown'],
    [[prod], 'shop', waiting, 'unknown'],
    [[byNameLabel], 'shop', plain, 'yes'],
    [[prod, 'shop'], 'shop', undefined, 'yes'],
    [['web', prod], 'shop', undefined, 'unknown'],
    // Cluster-scoped objects are in no namespace, a variable is in any.
    [['*', prod], '', undefined, 'no'],
    [['*'], '${NS}', undefined, 'yes'],
    [['shop'], '${NS}', undefined, 'unknown'],
  ] as const
  for (const [patterns, name, known, expected] of table)
    t.equal(isMeant(patterns, name, known), expected, `${JSON.stringify(patterns)} on ${name}: ${expected}`)
})

t.test('it finds the Namespace of an object, of two the later one', async (t) => {
  const snapshot = snapshotOf([namespace('shop', { a: '1' }), namespace('web'), namespace('shop', { a: '2' })], 'input')
  t.same(namespaceIn(snapshot, 'shop')?.metadata.labels, { a: '2' })
  t.equal(namespaceIn(snapshot, 'none'), undefined)
})

t.test('it sees a Namespace in itself', async (t) => {
  t.equal(namespaceNameOf(namespace('shop')), 'shop')
  t.equal(
    namespaceNameOf(
      resourceOf({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'shop' } }, 'Service'),
    ),
    'shop',
  )
})
