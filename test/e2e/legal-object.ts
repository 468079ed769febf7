import fc from 'fast-check'
import type { WireObject } from '../admission/reviews.ts'

const number = fc.constantFrom(4222, 6222, 3306, 8080, 1883, 33060)
const metadata = fc.record(
  {
    name: fc.constant('sample'),
    namespace: fc.constant('shop'),
    annotations: fc.constantFrom({}, { 'example.dev/a_b': '~1' }, { 'config.linkerd.io/opaque-ports': '3306' }),
  },
  { requiredKeys: ['name', 'namespace'] },
)

/** Services and policies that the API server takes: its own checks come after mutation. */
export const legalObject: fc.Arbitrary<WireObject> = fc.oneof(
  fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constant('Service'),
    metadata,
    spec: fc.record({
      selector: fc.constantFrom({ app: 'web' }, { app: 'nats' }),
      ports: fc
        .uniqueArray(number, { minLength: 1, maxLength: 3 })
        .chain((numbers) =>
          fc
            .constantFrom('nats', 'mysql', 'http')
            .map((word) => numbers.map((port, i) => ({ name: i === 0 ? word : `${word}-${i}`, port }))),
        ),
    }),
  }),
  fc.record({
    apiVersion: fc.constant('networking.k8s.io/v1'),
    kind: fc.constant('NetworkPolicy'),
    metadata,
    spec: fc.record({
      podSelector: fc.constantFrom({}, { matchLabels: { app: 'web' } }),
      ingress: fc.array(
        fc.record(
          {
            from: fc.array(
              fc.constantFrom(
                { podSelector: {} },
                { podSelector: { matchLabels: { app: 'web' } } },
                { namespaceSelector: {} },
                { ipBlock: { cidr: '10.0.0.0/8' } },
              ),
              { maxLength: 2 },
            ),
            ports: fc.array(fc.record({ port: number, protocol: fc.constantFrom('TCP', 'UDP') }), { maxLength: 2 }),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
    }),
  }),
)
