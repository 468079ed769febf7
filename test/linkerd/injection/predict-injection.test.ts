import t from 'tap'
import type { ObjectMeta, PodSpec } from '../../../src/k8s/spec-shapes.ts'
import { injectedFaults, portClashes } from '../../../src/linkerd/injection/injected-faults.ts'
import { predictInjection } from '../../../src/linkerd/injection/predict-injection.ts'
import { podOwner } from '../../../src/linkerd/pods/pod-owner.ts'
import { defaultSettings, type LinkerdSettings } from '../../../src/linkerd/settings.ts'

const config = 'config.linkerd.io/'
const main = { name: 'main', image: 'registry.example/app:1', ports: [{ containerPort: 8080 }] }

interface Case {
  readonly pod?: Readonly<Record<string, string>>
  readonly namespace?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: PodSpec
  readonly owner?: { readonly kind: string; readonly name: string }
  readonly settings?: Partial<LinkerdSettings>
}

function predict({ pod = {}, namespace = {}, labels = {}, spec, owner, settings }: Case) {
  const subject = {
    metadata: { annotations: pod },
    spec: spec ?? { containers: [main] },
    namespaceName: 'shop',
    owner,
  }
  const around: ObjectMeta = { annotations: { 'linkerd.io/inject': 'enabled', ...namespace }, labels }
  const all = { ...defaultSettings, ...settings }
  const injection = predictInjection(subject, around, all)
  return {
    injection,
    faults: injectedFaults(subject, injection, around, all),
    clashes: portClashes(subject, injection),
  }
}

t.test('it puts the containers where the injector puts them', async (t) => {
  const spec = { containers: [main], initContainers: [{ name: 'wait' }] }
  const order = (settings: Partial<LinkerdSettings>, pod: Case['pod'] = {}) => {
    const { initContainers, containers } = predict({ spec, settings, pod }).injection
    return [initContainers, containers]
  }
  t.same(order({}), [['linkerd-init', 'linkerd-proxy', 'wait'], ['main']], 'a native sidecar')
  t.same(order({ minor: 19 }), [
    ['wait', 'linkerd-init'],
    ['linkerd-proxy', 'main'],
  ])
  t.same(
    order(
      { nativeSidecar: 'disabled' },
      { [`${config}proxy-await`]: 'disabled', [`${config}enable-debug-sidecar`]: 't' },
    ),
    [
      ['wait', 'linkerd-init'],
      ['main', 'linkerd-debug', 'linkerd-proxy'],
    ],
    'without await it comes last',
  )
  t.same(order({ cniEnabled: true })[0], ['linkerd-network-validator', 'linkerd-proxy', 'wait'], 'with the CNI plugin')
})

t.test('it asks the native-sidecar keys one after the other', async (t) => {
  const alpha = 'config.alpha.linkerd.io/proxy-enable-native-sidecar'
  const native = (one: Case) => predict(one).injection.proxy.native
  t.equal(
    native({ pod: { [`${config}proxy-enable-native-sidecar`]: 'yes', [alpha]: 'false' } }),
    true,
    'an invalid key hides',
  )
  t.equal(native({ pod: { [alpha]: 'false' } }), false)
  t.equal(native({ pod: { [alpha]: 'false' }, namespace: { [`${config}proxy-enable-native-sidecar`]: 'true' } }), true)
  t.equal(
    native({ namespace: { 'config.beta.linkerd.io/proxy-enable-native-sidecar': 'false' } }),
    true,
    'not inherited',
  )
  const beta = { 'config.beta.linkerd.io/proxy-enable-native-sidecar': 'true' }
  t.equal(native({ namespace: beta, settings: { minor: 19 } }), true, '2.19 inherits it')
  t.equal(native({ pod: { [alpha]: 'true' }, settings: { minor: 14 } }), false, '2.14 has none')
})

t.test('it copies what a Namespace hands down, unless the Pod has the key', async (t) => {
  const namespace = {
    [`${config}proxy-log-level`]: 'debug',
    [`${config}debug-image`]: 'x',
    [`${config}proxy-gid`]: '5',
  }
  const { annotations } = predict({ namespace, pod: { [`${config}proxy-gid`]: '' } }).injection
  t.equal(annotations.get(`${config}proxy-log-level`), 'debug')
  t.notOk(annotations.has(`${config}debug-image`), 'it is never inherited')
  t.notOk(annotations.has(`${config}proxy-gid`), 'the empty text is a value')
})

t.test('it finds the inherited annotation that spoils the patch', async (t) => {
  for (const value of ['a"b', 'a\n', String.raw`\d`]) {
    const { outcome, spoiltBy } = predict({ namespace: { [`${config}proxy-log-level`]: value } }).injection
    t.same([outcome, spoiltBy], ['undecodable', [`${config}proxy-log-level`]], JSON.stringify(value))
    const own = predict({ pod: { [`${config}proxy-log-level`]: value } }).injection
    t.equal(own.outcome, 'injected', 'nothing of this happens to the Pod’s own')
  }
})

t.test('it knows what the injector refuses, by release', async (t) => {
  const refusal = (one: Case) => predict(one).injection.refusal
  const headers = { [`${config}proxy-log-http-headers`]: 'on' }
  t.equal(refusal({ namespace: headers }), 'logHTTPHeaders must be one of: insecure | off')
  t.equal(refusal({ namespace: headers, settings: { minor: 14 } }), undefined)
  const wait = { [`${config}close-wait-timeout`]: '1h' }
  t.match(refusal({ pod: wait }), /^proxyInit\.runAsRoot must be set/)
  t.equal(refusal({ pod: wait, settings: { cniEnabled: true } }), undefined)
  t.equal(refusal({ pod: wait, settings: { proxyInitRunAsRoot: true } }), undefined)
  t.equal(refusal({ namespace: wait }), undefined, 'a Namespace does not hand it down')
  t.match(refusal({ pod: { [`${config}proxy-cpu-ratio-limit`]: 'NaN' } }), /unsupported value: NaN$/)
  const exit = { 'config.alpha.linkerd.io/proxy-wait-before-exit-seconds': '5' }
  t.match(refusal({ pod: exit, settings: { minor: 19, nativeSidecar: 'enabled' } }), /cannot be used simultaneously$/)
  t.equal(refusal({ pod: exit }), undefined)
})

t.test('it knows what the API server refuses afterwards', async (t) => {
  const faults = (one: Case) => predict(one).faults.map(({ container, field }) => `${container ?? 'Pod'} ${field}`)
  t.same(faults({}), [])
  t.same(faults({ pod: { [`${config}inbound-port`]: '70000' } }), ['linkerd-proxy ports[0].containerPort'])
  t.same(faults({ pod: { [`${config}proxy-uid`]: '-1' } }), ['linkerd-proxy securityContext.runAsUser'])
  t.same(faults({ pod: { [`${config}image-pull-policy`]: 'always' } }), [
    'linkerd-proxy imagePullPolicy',
    'linkerd-init imagePullPolicy',
  ])
  const bounds = { [`${config}proxy-cpu-request`]: '1', [`${config}proxy-cpu-limit`]: '500m' }
  t.same(faults({ pod: bounds }), ['linkerd-init resources.requests', 'linkerd-proxy resources.requests'])
  t.same(faults({ owner: { kind: 'Deployment', name: 'x'.repeat(64) } }), [
    'Pod metadata.labels[linkerd.io/proxy-deployment]',
  ])
  const level = (name: string) => ({ 'pod-security.kubernetes.io/enforce': name })
  t.same(faults({ labels: level('privileged') }), [])
  t.same(faults({ labels: level('baseline') }), ['linkerd-init capabilities.add'])
  t.same(faults({ labels: level('baseline'), settings: { cniEnabled: true } }), [])
  t.same(faults({ labels: level('restricted'), settings: { cniEnabled: true } }), ['linkerd-proxy capabilities.drop'])
  const confined = { containers: [{ ...main, securityContext: { capabilities: { drop: ['ALL'] } } }] }
  t.same(faults({ labels: level('restricted'), settings: { cniEnabled: true }, spec: confined }), [])
  t.same(faults({ pod: { [`${config}proxy-version`]: ' edge' } }), ['Pod image'])
  const twin = { containers: [main], initContainers: [{ name: 'linkerd-network-validator' }] }
  t.equal(faults({ spec: twin, settings: { cniEnabled: true } }).length, 1)
  t.same(faults({ spec: twin }), [])
})

t.test('it sees the ports that an application shares with the proxy', async (t) => {
  const ports = [
    { containerPort: 4143 },
    { containerPort: 4191, protocol: 'UDP' },
    { containerPort: 80, name: 'linkerd-admin' },
  ]
  const { clashes } = predict({ spec: { containers: [{ ...main, ports }] } })
  t.same(
    clashes.map(({ index, as, port }) => [index, as, port]),
    [
      [0, 'number', 'inbound'],
      [2, 'name', 'admin'],
    ],
  )
})

t.test('it names the maker of a Pod as the injector does', async (t) => {
  const owned = (kind: string): ObjectMeta => ({ ownerReferences: [{ kind, name: kind.toLowerCase() }] })
  const ask = (kind: string, parent?: string) =>
    podOwner(owned(kind), () => (parent === undefined ? undefined : parent === '' ? {} : owned(parent)))?.kind
  t.equal(ask('ReplicaSet', 'Deployment'), 'Deployment')
  t.equal(ask('ReplicaSet', 'Rollout'), 'ReplicaSet')
  t.equal(ask('ReplicaSet', ''), 'ReplicaSet')
  t.equal(ask('ReplicaSet'), 'ReplicaSet')
  t.equal(ask('Job', 'CronJob'), 'CronJob')
  t.equal(ask('Job'), 'Job')
  t.equal(ask('StatefulSet'), 'StatefulSet')
  t.equal(
    podOwner({}, () => undefined),
    undefined,
  )
  t.equal(
    podOwner({ ownerReferences: [{ kind: 'Job' }, { kind: 'Job' }] }, () => undefined),
    undefined,
  )
})
