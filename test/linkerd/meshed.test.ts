import t from 'tap'
import type { Scope } from '../../src/core/snapshot.ts'
import { podTemplateOf } from '../../src/k8s/pod-template.ts'
import { hasMeshLabel, isMeshed, isNamespaceMeshed, type Meshed, reachesInjector } from '../../src/linkerd/meshed.ts'
import type { LinkerdSettings } from '../../src/linkerd/settings.ts'
import { namespace, pod, worldOf } from './worlds.ts'

const inject = 'linkerd.io/inject'
const disabledLabel = { 'config.linkerd.io/admission-webhooks': 'disabled' }
const labelled = { ...pod([]), metadata: { ...pod([]).metadata, labels: { 'linkerd.io/control-plane-ns': 'linkerd' } } }
const sibling = {
  ...pod([], { [inject]: 'enabled' }),
  metadata: { name: 'sibling', namespace: 'shop', annotations: { [inject]: 'enabled' } },
}

const table: readonly (readonly [
  what: string,
  objects: readonly object[],
  meshed: Meshed,
  settings?: Partial<LinkerdSettings>,
  scope?: Scope,
])[] = [
  ['an enabled namespace', [namespace(), pod([])], 'yes'],
  ['a namespace that says nothing', [namespace({}), pod([])], 'no'],
  ['an enabled Pod in it', [namespace({}), pod([], { [inject]: 'enabled' })], 'yes'],
  ['a disabled Pod', [namespace(), pod([], { [inject]: 'disabled' })], 'no'],
  ['a typo on the namespace', [namespace({ [inject]: 'true' }), pod([], { [inject]: 'enabled' })], 'no'],
  ['host network', [namespace(), pod([], {}, { hostNetwork: true })], 'no'],
  ['the label', [namespace({}), labelled], 'yes'],
  ['a namespace without webhooks', [namespace({ [inject]: 'enabled' }, disabledLabel), pod([])], 'no'],
  ['the same as an annotation', [namespace({ [inject]: 'enabled', ...disabledLabel }), pod([])], 'yes'],
  ['no Namespace, an enabled Pod', [pod([], { [inject]: 'enabled' })], 'yes'],
  ['no Namespace, a disabled Pod', [pod([], { [inject]: 'disabled' })], 'no'],
  ['no Namespace, nothing said', [pod([])], 'unknown'],
  ['no Namespace, assumed', [pod([])], 'yes', { assume: 'meshed' }],
  ['no Namespace, assumed not', [pod([])], 'no', { assume: 'unmeshed' }],
  ['no Namespace, a meshed sibling', [pod([]), sibling], 'yes'],
  ['no Namespace, host network', [pod([], {}, { hostNetwork: true })], 'no', { assume: 'meshed' }],
  ['no Namespace in a whole cluster', [pod([])], 'no', {}, 'cluster'],
  ['an unresolved annotation', [namespace({ [inject]: '${INJECT}' }), pod([])], 'unknown'],
  [
    'an unresolved annotation, assumed',
    [namespace({}), pod([], { [inject]: '${INJECT}' })],
    'yes',
    { assume: 'meshed' },
  ],
  ['an assumption against what is known', [namespace({}), pod([])], 'no', { assume: 'meshed' }],
]

t.test('it knows, predicts or leaves open who is meshed', async (t) => {
  for (const [what, objects, meshed, settings = {}, scope = 'input'] of table) {
    const { view, find } = worldOf(objects, settings, { scope })
    t.equal(isMeshed(podTemplateOf(find('Pod', 'pod')), 'shop', view), meshed, what)
  }
})

t.test('it thinks of a Pod that says nothing where only the namespace is asked', async (t) => {
  t.equal(isNamespaceMeshed('shop', worldOf([namespace()]).view), 'yes')
  t.equal(isNamespaceMeshed('shop', worldOf([namespace({})]).view), 'no')
  t.equal(isNamespaceMeshed('shop', worldOf([]).view), 'unknown')
  t.equal(isNamespaceMeshed('kube-system', worldOf([], { assume: 'meshed' }).view), 'no')
})

t.test('it knows where the injector is called', async (t) => {
  const { find } = worldOf([namespace({}, disabledLabel)])
  t.notOk(reachesInjector(find('Namespace', 'shop'), 'shop'))
  const other = worldOf([namespace({}, { 'config.linkerd.io/admission-webhooks': 'Disabled' })])
  t.ok(reachesInjector(other.find('Namespace', 'shop'), 'shop'), 'any other value leaves it on')
  t.notOk(reachesInjector(undefined, 'kube-system'))
  t.notOk(reachesInjector(undefined, 'cert-manager'))
  t.ok(reachesInjector(undefined, 'linkerd'))
})

t.test('it takes an empty label for none', async (t) => {
  t.ok(hasMeshLabel({ labels: { 'linkerd.io/control-plane-ns': 'linkerd' } }))
  t.notOk(hasMeshLabel({ labels: { 'linkerd.io/control-plane-ns': '' } }))
  t.notOk(hasMeshLabel({}))
})
