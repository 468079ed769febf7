import t from 'tap'
import { formatBox } from '../../src/policy/box.ts'
import { namespaceKey, podKey } from '../../src/policy/policy.ts'
import { peerText, rulingText, translated } from './translated.ts'

const own = 'kubernetes.io/metadata.name=a'

function cnp(spec: object | undefined, more: object = {}): object {
  const metadata = { name: 'p', namespace: 'a' }
  return { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata, ...(spec ? { spec } : {}), ...more }
}

function ccnp(spec: object): object {
  return { apiVersion: 'cilium.io/v2', kind: 'CiliumClusterwideNetworkPolicy', metadata: { name: 'p' }, spec }
}

const all = { endpointSelector: {} }
const labels = (matchLabels: object) => ({ matchLabels })
const term = (key: string, operator: string, values?: string[]) => ({ matchExpressions: [{ key, operator, values }] })

function ingressOf(rule: object | null): string {
  return translated(cnp({ ...all, ingress: [rule] }))
    .map((policy) => rulingText(policy, 'ingress'))
    .join(' | ')
}

t.test('it reads who may connect as the agent does', async (t) => {
  const table: readonly (readonly [object | null, string])[] = [
    [{}, 'isolates; allow all: nobody'],
    [null, 'isolates; allow all: nobody'],
    [{ fromEndpoints: null }, 'isolates; allow all: nobody'],
    [{ toPorts: [] }, 'isolates; allow all: nobody'],
    [{ fromEndpoints: [] }, 'isolates; allow all: nobody'],
    [{ fromEntities: [], fromCIDR: ['10.0.0.0/8'] }, 'isolates; allow all: nobody'],
    [{ fromGroups: [] }, 'isolates; allow all: nobody'],
    [{ fromGroups: [], toPorts: [{ ports: [{ port: '80' }] }] }, 'isolates; allow 80: everybody'],
    [{ fromEndpoints: [], toPorts: [{ ports: [{ port: '80' }] }] }, 'isolates; allow 80: nobody'],
    [{ fromEndpoints: [{}] }, `isolates; allow all: pods with ${own}`],
    [{ fromEndpoints: [labels({ 'k8s:app': 'x' })] }, `isolates; allow all: pods with app=x in ${own}`],
    [{ fromEndpoints: [labels({ 'any:app': 'x', app: 'x' })] }, `isolates; allow all: pods with app=x in ${own}`],
    [
      { fromEndpoints: [labels({ 'k8s:io.kubernetes.pod.namespace': 'b' })] },
      'isolates; allow all: pods with kubernetes.io/metadata.name=b',
    ],
    [
      { fromEndpoints: [labels({ 'io.cilium.k8s.namespace.labels.team': 'red' })] },
      'isolates; allow all: pods with team=red and a label kubernetes.io/metadata.name',
    ],
    [{ fromEndpoints: [labels({ 'container:app': 'x' })] }, `isolates; allow all: pods with no label  in ${own}`],
    [{ fromEndpoints: [labels({ 'pod-template-hash': 'x' })] }, `isolates; allow all: pods with no label  in ${own}`],
    [{ fromEndpoints: [term('pod-template-hash', 'DoesNotExist')] }, `isolates; allow all: pods with ${own}`],
    [{ fromEndpoints: [labels({ 'reserved:host': '' })] }, 'isolates; allow all: host'],
    [{ fromEndpoints: [term('reserved:host', 'DoesNotExist')] }, 'isolates; allow all: ?'],
    [{ fromEndpoints: [labels({ 'io.cilium.k8s.policy.serviceaccount': 'x' })] }, 'isolates; allow all: ?'],
    [{ fromEndpoints: [labels({ app: '${APP}' })] }, 'isolates; allow all: ?'],
    [{ fromEntities: ['all'] }, 'isolates; allow all: everybody'],
    [
      { fromEntities: ['cluster'] },
      'isolates; allow all: pods, host remote-node kube-apiserver ingress health init unmanaged',
    ],
    [{ fromEntities: ['world', 'none'] }, 'isolates; allow all: world world-ipv4 world-ipv6, '],
    // An API server in the cluster is on a node.
    [{ fromEntities: ['remote-node'] }, 'isolates; allow all: remote-node kube-apiserver'],
    [{ fromEndpoints: [labels({ 'reserved:remote-node': '' })] }, 'isolates; allow all: remote-node kube-apiserver'],
    [{ fromEndpoints: [labels({ 'reserved:host': '', app: 'x' })] }, 'isolates; allow all: nobody'],
    [{ fromEntities: ['${WHO}'] }, 'isolates; allow all: ?'],
    [{ fromCIDR: ['0.0.0.0/0'] }, 'isolates; allow all: 0.0.0.0/0'],
    [
      { fromCIDRSet: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }, { cidrGroupRef: 'g' }] },
      'isolates; allow all: 10.0.0.0/8 but 10.1.0.0/16, cidr-group',
    ],
    [{ fromEndpoints: [{}], icmps: [{ fields: [{ type: 8 }] }] }, `isolates; allow nothing: pods with ${own}`],
  ]
  for (const [rule, expected] of table) t.equal(ingressOf(rule), expected, JSON.stringify(rule))
  const [clusterwide] = translated(ccnp({ ...all, ingress: [{ fromEndpoints: [{}] }] }))
  t.equal(
    clusterwide?.directions.ingress.rules[0]?.peers.map(peerText).join(),
    'pods with a label kubernetes.io/metadata.name',
    'of every namespace, where the policy is of none',
  )
})

t.test('it reads egress peers that only egress has', async (t) => {
  const egressOf = (section: object) =>
    translated(cnp({ ...all, ...section }))
      .map((policy) => rulingText(policy, 'egress'))
      .join()
  const ports = { toPorts: [{ ports: [{ port: '443', protocol: 'TCP' }] }] }
  const service = [{ k8sService: { serviceName: 's' } }]
  t.equal(egressOf({ egress: [{ toFQDNs: [{ matchName: 'example.com' }], ...ports }] }), 'isolates; allow 443: fqdn')
  t.equal(egressOf({ egress: [{ toFQDNs: [], ...ports }] }), 'isolates; allow 443: everybody')
  t.equal(egressOf({ egress: [{ toServices: service, ...ports }] }), 'isolates; allow 443: ?')
  t.equal(
    egressOf({ egressDeny: [{ toFQDNs: [{ matchName: 'example.com' }], ...ports }] }),
    'isolates; deny 443: everybody',
  )
  const [policy] = translated(cnp({ ...all, egress: [{ toServices: service }] }))
  t.match(policy?.notes, [{ as: 'approximated', path: ['spec', 'egress', 0, 'toServices', 0] }])
})

t.test('it reads ports as the agent does', async (t) => {
  const portsOf = (...ports: (object | null)[]) =>
    ingressOf({ fromEntities: ['all'], toPorts: [{ ports }] }).replace(/isolates; allow (.*): everybody/, '$1')
  const table: readonly (readonly [object | null, string])[] = [
    [{ port: '8080' }, '8080'],
    [{ port: '8080', protocol: 'ANY' }, '8080'],
    [{ port: '8080', protocol: 'UDP' }, 'nothing'],
    [{ port: '0' }, 'all'],
    [{ port: '0', endPort: 90 }, 'all'],
    [{ port: '4000', endPort: 4143 }, '4000-4143'],
    [{ port: '4143', endPort: 4000 }, '4143'],
    [{ port: 'HTTP' }, 'http'],
    [{ port: 'http', protocol: 'SCTP' }, 'nothing'],
    [{ port: 'http', endPort: 9000 }, 'http ?'],
    [{ port: '010' }, '8'],
    [{ port: '0x50' }, '0x50'],
    [{ port: '${PORT}' }, '?'],
  ]
  for (const [port, expected] of table) t.equal(portsOf(port), expected, JSON.stringify(port))
  t.equal(ingressOf({ fromEntities: ['all'], toPorts: [{}] }), 'isolates; allow nothing: everybody')
  t.equal(ingressOf({ fromEntities: ['all'], toPorts: [{ ports: [] }] }), 'isolates; allow nothing: everybody')
  const [policy] = translated(cnp({ ...all, egress: [{ toPorts: [{ ports: [{ port: 'http', endPort: 9000 }] }] }] }))
  t.same(
    policy?.directions.egress.rules[0]?.ports,
    { numbers: [], names: ['http'], unknown: false },
    'on egress endPort is ignored',
  )
  t.same(policy?.directions.egress.rules[0]?.entries[0]?.path, ['spec', 'egress', 0, 'toPorts', 0, 'ports', 0])
})

t.test('it says what reads the traffic on a port', async (t) => {
  const filtersOf = (element: object) =>
    ingressOf({ fromEntities: ['all'], toPorts: [{ ports: [{ port: '80', protocol: 'TCP' }], ...element }] })
  t.equal(filtersOf({ rules: { http: [{}] } }), 'isolates; allow 80 read by http: everybody')
  t.equal(filtersOf({ rules: { http: [] } }), 'isolates; allow 80: everybody')
  t.equal(filtersOf({ rules: null }), 'isolates; allow 80: everybody')
  t.equal(filtersOf({ serverNames: ['a.example'] }), 'isolates; allow 80 read by serverNames: everybody')
  t.equal(
    filtersOf({ terminatingTLS: { secret: {} }, rules: { http: [{}] } }),
    'isolates; allow 80 read by http terminatingTLS: everybody',
  )
  t.equal(
    translated(cnp({ ...all, ingressDeny: [{ toPorts: [{ ports: [{ port: '80' }], rules: { http: [{}] } }] }] }))
      .map((policy) => rulingText(policy, 'ingress'))
      .join(),
    'isolates; deny 80: everybody',
    'a rule that denies reads nothing',
  )
})

t.test('it isolates where there are rules, unless it is told not to', async (t) => {
  const isolatesOf = (spec: object) => {
    const [policy] = translated(cnp({ ...all, ...spec }))
    return [policy?.directions.ingress.isolates, policy?.directions.egress.isolates]
  }
  t.same(isolatesOf({ ingress: [{}] }), [true, false])
  t.same(isolatesOf({ ingress: [], egress: [{}] }), [false, true])
  t.same(isolatesOf({ ingressDeny: [{}] }), [true, false])
  t.same(isolatesOf({ ingress: [{}], enableDefaultDeny: { ingress: false } }), [false, false])
  t.same(isolatesOf({ ingress: [{}], enableDefaultDeny: { egress: true } }), [true, false])
})

t.test('it makes one policy of spec and of each of specs', async (t) => {
  const one = { endpointSelector: labels({ app: 'x' }), ingress: [{}] }
  const other = { endpointSelector: labels({ app: 'y' }), egress: [{ toEntities: ['all'] }] }
  const policies = translated(cnp(one, { specs: [other, one] }))
  t.same(
    policies.map(({ subject }) => formatBox(subject, podKey)),
    ['app=x', 'app=y', 'app=x'],
  )
  t.same(policies[1]?.directions.egress.rules[0]?.path, ['specs', 0, 'egress', 0])
  t.equal(translated(cnp(undefined, { specs: [one] })).length, 1)
  t.same(translated(ccnp({ nodeSelector: {}, ingress: [{}] })), [], 'nodes are no Pods')
})

t.test('it is about Pods of its namespace, or of every one', async (t) => {
  const subjectOf = (object: object) => {
    const [policy] = translated(object)
    return [
      policy?.namespace,
      formatBox(policy?.subject ?? new Map(), podKey),
      formatBox(policy?.subject ?? new Map(), namespaceKey),
    ]
  }
  const elsewhere = { 'k8s:io.kubernetes.pod.namespace': 'b', app: 'x' }
  t.same(
    subjectOf(cnp({ endpointSelector: labels(elsewhere), ingress: [{}] })),
    ['a', 'app=x', ''],
    'the agent writes its own over it',
  )
  t.same(subjectOf(cnp({ endpointSelector: term('io.kubernetes.pod.namespace', 'In', ['b']), ingress: [{}] })), [
    'a',
    'no label ',
    '',
  ])
  t.same(subjectOf(ccnp({ endpointSelector: labels(elsewhere), ingress: [{}] })), [
    '',
    'app=x',
    'kubernetes.io/metadata.name=b',
  ])
  t.same(subjectOf(ccnp({ endpointSelector: labels({ 'reserved:init': '' }), ingress: [{}] })), ['', 'no label ', ''])
  const [policy] = translated(cnp({ endpointSelector: labels({ app: '${APP}' }), ingress: [{}] }))
  t.equal(policy?.unknownSubject, true)
})

t.test('it takes an object that the agent refuses for void, and says where', async (t) => {
  const rule = (more: object) => ({ ...all, ingress: [more] })
  const ports = (port: unknown, element: object = {}) => rule({ toPorts: [{ ports: [port], ...element }] })
  const table: readonly (readonly [object, readonly (string | number)[]])[] = [
    [{ ...all }, ['spec']],
    [{ ...all, ingress: [] }, ['spec']],
    [{ ingress: [{}] }, ['spec']],
    [{ ...all, nodeSelector: {}, ingress: [{}] }, ['spec']],
    [{ nodeSelector: {}, ingress: [{}] }, ['spec', 'nodeSelector']],
    [{ endpointSelector: term('app', 'In', []), ingress: [{}] }, ['spec', 'endpointSelector']],
    [rule({ fromRequires: [{}] }), ['spec', 'ingress', 0, 'fromRequires']],
    [rule({ fromEndpoints: [{}], fromCIDR: ['10.0.0.0/8'] }), ['spec', 'ingress', 0]],
    [rule({ fromEntities: ['pods'] }), ['spec', 'ingress', 0, 'fromEntities', 0]],
    [rule({ fromCIDR: ['10.0.0.0/80'] }), ['spec', 'ingress', 0, 'fromCIDR', 0]],
    [rule({ fromEndpoints: [term('app', 'Near')] }), ['spec', 'ingress', 0, 'fromEndpoints', 0]],
    [rule({ icmps: [{}], toPorts: [{ ports: [{ port: '80' }] }] }), ['spec', 'ingress', 0]],
    [ports({ port: 8080 }), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [ports({ port: '080' }), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [ports({ port: '99999' }), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [ports({ port: '8080 ' }), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [ports({}), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [ports({ port: '80', protocol: 'tcp' }), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [
      ports({ port: '0', protocol: 'TCP' }, { rules: { http: [{}] } }),
      ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0],
    ],
    [ports({ port: '80' }, { rules: { http: [{}] } }), ['spec', 'ingress', 0, 'toPorts', 0, 'ports', 0]],
    [ports({ port: '80' }, { rules: { kafka: [{}] } }), ['spec', 'ingress', 0, 'toPorts', 0, 'rules', 'kafka']],
    [ports({ port: '53' }, { rules: { dns: [{}] } }), ['spec', 'ingress', 0, 'toPorts', 0, 'rules', 'dns']],
    [ports({ port: '80' }, { listener: {} }), ['spec', 'ingress', 0, 'toPorts', 0, 'listener']],
  ]
  for (const [spec, path] of table) {
    const policies = translated(cnp(spec))
    t.equal(policies.length, 1)
    t.same(policies[0]?.notes.find(({ as }) => as === 'refused')?.path, path, JSON.stringify(spec))
    t.same([policies[0]?.directions.ingress.isolates, policies[0]?.directions.ingress.rules], [false, []])
  }
  const http = { toPorts: [{ ports: [{ port: '80', protocol: 'TCP' }], rules: { http: [{}] } }] }
  const dns = { ports: [{ port: '53', endPort: 54 }], rules: { dns: [{}] } }
  const names = { ports: [{ port: '53' }], rules: { dns: [{}] }, serverNames: ['a.example'] }
  for (const object of [
    ccnp({ nodeSelector: {}, ingress: [http] }),
    ccnp({ nodeSelector: {}, egress: [http] }),
    cnp({ ...all, egress: [{ toPorts: [dns] }] }),
    cnp({ ...all, egress: [{ toPorts: [names] }] }),
  ])
    t.match(translated(object)[0]?.notes, [{ as: 'refused' }], JSON.stringify(object))
  const bad = translated(cnp({ ...all, ingress: [{}] }, { specs: [ports({ port: 'a_b' })] }))
  t.equal(bad[0]?.directions.ingress.isolates, false, 'one bad spec makes the whole object void')
  t.same(translated(cnp(undefined))[0]?.notes[0]?.path, [])
})
