import t from 'tap'
import type { Resource } from '../../../src/k8s/resource.ts'
import { openProxyPort } from '../../../src/linkerd/policies/open-proxy-port.ts'
import { wirePortGaps } from '../../../src/linkerd/policies/wire-port-gaps.ts'
import { readPolicy } from '../../policy/translated.ts'
import { namespace, pod, worldOf } from '../world.ts'

const app = { metadata: { name: 'p', namespace: 'a' } }
const knp = (rule: object, direction = 'ingress') => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  ...app,
  spec: { podSelector: {}, policyTypes: [direction === 'ingress' ? 'Ingress' : 'Egress'], [direction]: [rule] },
})
const cilium = (spec: object) => ({ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', ...app, spec })
const calico = (rule: object) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'NetworkPolicy',
  ...app,
  spec: { types: ['Ingress'], ingress: [{ action: 'Allow', protocol: 'TCP', source: {}, ...rule }] },
})
const admin = {
  apiVersion: 'policy.networking.k8s.io/v1alpha1',
  kind: 'BaselineAdminNetworkPolicy',
  metadata: { name: 'default' },
  spec: {
    subject: { namespaces: {} },
    ingress: [
      { action: 'Allow', from: [{ namespaces: {} }], ports: [{ portNumber: { protocol: 'TCP', port: 8080 } }] },
      { action: 'Deny', from: [{ namespaces: {} }] },
    ],
  },
}

const everyPod = { podSelector: {} }
const entry = { port: 4143, protocol: 'TCP' }
const ciliumEntry = { ports: [{ port: '4143', protocol: 'TCP' }] }
const toPorts = [{ ports: [{ port: '8080', protocol: 'TCP' }] }]

/** A policy, and where its fix adds what; none where a person decides. */
const table: readonly (readonly [text: string, object, (readonly [path: string, value: unknown])[] | undefined])[] = [
  ['a port list', knp({ from: [everyPod], ports: [{ port: 8080 }] }), [['spec/ingress/0/ports', entry]]],
  ['no peers', knp({ ports: [{ port: 8080 }] }), [['spec/ingress/0/ports', entry]]],
  ['egress', knp({ to: [everyPod], ports: [{ port: 8080 }] }, 'egress'), [['spec/egress/0/ports', entry]]],
  [
    'addresses beside selectors',
    knp({ from: [everyPod, { ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 8080 }] }),
    [['spec/ingress', { from: [everyPod], ports: [entry] }]],
  ],
  ['a name that not all have', knp({ from: [everyPod], ports: [{ port: 'http' }] }), undefined],
  [
    'a Cilium rule',
    cilium({ endpointSelector: {}, ingress: [{ fromEndpoints: [{}], toPorts }] }),
    [['spec/ingress/0/toPorts', ciliumEntry]],
  ],
  [
    'a Cilium rule that filters',
    cilium({
      endpointSelector: {},
      ingress: [{ fromEndpoints: [{}], toPorts: [{ ...toPorts[0], rules: { http: [{ method: 'GET' }] } }] }],
    }),
    undefined,
  ],
  ['a Calico rule', calico({ destination: { ports: [8080] } }), [['spec/ingress/0/destination/ports', 4143]]],
  [
    'a Calico rule by number',
    calico({ protocol: 6, destination: { ports: [8080] } }),
    [['spec/ingress/0/destination/ports', 4143]],
  ],
  ['a Calico rule with exceptions', calico({ destination: { ports: ['1:9000'], notPorts: [4143] } }), undefined],
  ['a Calico rule that filters', calico({ http: { methods: ['GET'] }, destination: { ports: [8080] } }), undefined],
  ['an administrator', admin, undefined],
]

function fixOf(object: object, pods: readonly Resource[]) {
  const resource = readPolicy(object)
  const view = worldOf([namespace('a', 'enabled'), ...pods, resource])
  const found = [...wirePortGaps(resource, view)]
  const [gap] = found
  if (!gap) throw new Error('no gap')
  return openProxyPort(resource, found, gap, view)
}

const http = { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }] }
const two = [pod('one', { spec: http }), pod('other')]

for (const [text, object, expected] of table)
  t.test(`it opens the proxy's port where that is safe: ${text}`, async (t) => {
    const fix = fixOf(object, two)
    t.strictSame(
      fix?.edits.map(({ op, path, ...rest }) => [op, path.join('/'), 'value' in rest ? rest.value : undefined]),
      expected?.map(([path, value]) => ['append', path, value]),
    )
    if (fix) t.match(fix.title, /^add TCP 4143; it opens every port of .+ that goes through the proxy to .+: restrict/)
  })

t.test(
  'it opens every port on which proxies of the servers listen, and says when it is for others as well',
  async (t) => {
    const annotations = { 'config.linkerd.io/inbound-port': '5143' }
    const fix = fixOf(knp({ from: [everyPod], ports: [{ port: 8080 }] }), [...two, pod('third', { annotations })])
    t.strictSame(
      fix?.edits.map((edit) => ('value' in edit ? edit.value : undefined)),
      [entry, { ...entry, port: 5143 }],
    )
    t.match(fix?.title, /, and likewise for others: /)
  },
)
