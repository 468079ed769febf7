import fc from 'fast-check'
import t from 'tap'
import type { Labels } from '../../src/k8s/selector.ts'
import { type Box, boxOf, contains } from '../../src/policy/box.ts'
import { createBoxPostings } from '../../src/policy/box-postings.ts'
import { namespaceKey, podKey } from '../../src/policy/policy.ts'

const keys = ['app', 'team', 'constructor'] as const
const values = ['x', 'y'] as const

const selector = fc.array(
  fc.oneof(
    fc.record({
      key: fc.constantFrom(...keys),
      operator: fc.constantFrom('In', 'NotIn'),
      values: fc.subarray([...values], { minLength: 1 }),
    }),
    fc.record({ key: fc.constantFrom(...keys), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  ),
  { maxLength: 2 },
)
const box: fc.Arbitrary<Box> = fc.tuple(selector, selector).map(([namespaces, pods]) => {
  const [left, right] = [
    boxOf({ matchExpressions: namespaces }, namespaceKey),
    boxOf({ matchExpressions: pods }, podKey),
  ]
  return new Map([...(left ?? []), ...(right ?? [])])
})
const labels: fc.Arbitrary<Labels> = fc
  .array(fc.tuple(fc.constantFrom(...keys), fc.constantFrom(...values)), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries))
const step = fc.record({ item: fc.nat(5), box, goes: fc.boolean() })

t.test('it finds what was filed under boxes that hold a namespace and a Pod, and has not been taken out', async (t) => {
  let found = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), labels, labels, (steps, namespace, pod) => {
      const postings = createBoxPostings<number>()
      let filed: { readonly item: number; readonly box: Box }[] = []
      for (const { item, box, goes } of steps)
        if (goes) {
          const [first] = filed
          if (first) postings.remove(first.box, first.item)
          filed = filed.slice(1)
        } else if (!filed.some((one) => one.item === item)) {
          postings.add(box, item)
          filed.push({ item, box })
        }
      const held = filed.filter((one) => contains(one.box, namespace, namespaceKey))
      const heldPods = held.filter((one) => contains(one.box, pod, podKey))
      const items = (all: Iterable<readonly [number, Box]>) =>
        [...all]
          .map(([item]) => item)
          .toSorted((left, right) => left - right)
          .join()
      const expect = (all: readonly { readonly item: number }[]) =>
        all
          .map(({ item }) => item)
          .toSorted((left, right) => left - right)
          .join()
      found += heldPods.length
      return (
        items(postings.holding(namespace)) === expect(held) &&
        items(postings.holding(namespace, (pods) => contains(pods, pod, podKey))) === expect(heldPods)
      )
    }),
    { numRuns: 2000, seed: 3 },
  )
  t.comment({ found })
  t.ok(found > 300)
})
