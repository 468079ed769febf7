import t from 'tap'
import { podTemplateOf } from '../../../src/k8s/pod-template.ts'
import type { Resource } from '../../../src/k8s/resource.ts'
import {
  controlPlanesOf,
  hasMeshLabel,
  isControlPlane,
  isMeshed,
  isNamespaceMeshed,
  type Meshed,
  seesPods,
  seesService,
} from '../../../src/linkerd/pods/meshed.ts'
import type { LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { worldOf as inputOf, namespace as labelledNamespace } from '../wire-world.ts'
import { namespace, pod, resource, worldOf } from '../world.ts'

const disabledLabel = { 'config.linkerd.io/admission-webhooks': 'disabled' }

const inject = 'linkerd.io/inject'
const proxied = { labels: { 'linkerd.io/control-plane-ns': 'linkerd' } }

t.test('it takes the Namespace that has its Pods meshed, of several of one name', async (t) => {
  const meshedIn = (...values: (string | undefined)[]) => {
    const web = pod('web')
    const view = worldOf([...values.map((value) => namespace('a', value)), web])
    return isMeshed(podTemplateOf(web), 'a', view)
  }
  t.equal(meshedIn('enabled', undefined), 'yes')
  t.equal(meshedIn(undefined, 'ingress', 'disabled'), 'yes')
  t.equal(meshedIn('disabled', undefined), 'no')
})

t.test('it knows who is meshed as the injector decides', async (t) => {
  // namespace annotation, pod → meshed. The namespace is known.
  const table: readonly (readonly [string | undefined, Parameters<typeof pod>[1], Meshed])[] = [
    ['enabled', {}, 'yes'],
    ['ingress', {}, 'yes'],
    [undefined, {}, 'no'],
    ['disabled', {}, 'no'],
    ['', {}, 'no'],
    ['enabled', { annotations: { [inject]: 'disabled' } }, 'no'],
    ['enabled', { annotations: { [inject]: 'ingress' } }, 'yes'],
    ['enabled', { annotations: { [inject]: 'enable' } }, 'no'],
    [undefined, { annotations: { [inject]: 'enabled' } }, 'yes'],
    ['disabled', { annotations: { [inject]: 'enabled' } }, 'yes'],
    ['enable', {}, 'no'],
    ['enable', { annotations: { [inject]: 'enabled' } }, 'no'],
    ['enabled', { spec: { hostNetwork: true } }, 'no'],
    ['enabled', { spec: { containers: [{ name: 'istio-proxy' }] } }, 'no'],
    // The label is all that the controllers ask.
    [undefined, proxied, 'yes'],
    ['enabled', { ...proxied, annotations: { [inject]: 'disabled' } }, 'yes'],
    ['enabled', { labels: { 'linkerd.io/control-plane-ns': '' } }, 'yes'],
    // A Pod that exists has it or never will.
    ['enabled', { created: true }, 'no'],
    [undefined, { ...proxied, created: true }, 'yes'],
    // What is not filled in yet is not known.
    ['${INJECT}', {}, 'unknown'],
    ['enabled', { annotations: { [inject]: '${INJECT}' } }, 'unknown'],
  ]
  for (const [annotation, sketch, expected] of table) {
    const one = pod('web', sketch)
    const view = worldOf([namespace('a', annotation), one])
    t.equal(isMeshed(podTemplateOf(one), 'a', view), expected, JSON.stringify([annotation, sketch]))
  }
})

t.test('it knows what it does not know of a namespace that is not given', async (t) => {
  type Row = readonly [Partial<LinkerdSettings>, readonly Resource[], Meshed]
  const enabled = pod('other', { annotations: { [inject]: 'enabled' } })
  const table: readonly Row[] = [
    [{}, [], 'unknown'],
    [{ assume: 'meshed' }, [], 'yes'],
    [{ assume: 'unmeshed' }, [], 'no'],
    // One Pod that is meshed shows it for all of its namespace, and no other.
    [{ assume: 'unmeshed' }, [enabled], 'yes'],
    [{}, [pod('other', proxied)], 'yes'],
    [{}, [pod('other', { annotations: { [inject]: 'disabled' } })], 'unknown'],
    [{}, [pod('other', { namespace: 'b', annotations: { [inject]: 'enabled' } })], 'unknown'],
  ]
  for (const [settings, others, expected] of table)
    t.equal(isNamespaceMeshed('a', worldOf(others, settings)), expected, JSON.stringify([settings, others.length]))

  const table2: readonly (readonly [Parameters<typeof pod>[1], Meshed])[] = [
    [{ annotations: { [inject]: 'enabled' } }, 'yes'],
    [{ annotations: { [inject]: 'disabled' } }, 'no'],
    [{ annotations: { [inject]: 'yes' } }, 'no'],
    [{ spec: { hostNetwork: true } }, 'no'],
  ]
  for (const [sketch, expected] of table2)
    t.equal(isMeshed(podTemplateOf(pod('web', sketch)), 'a', worldOf([])), expected, JSON.stringify(sketch))
  t.equal(
    isNamespaceMeshed('a', worldOf([], {}, 'cluster')),
    'no',
    'a cluster that has no such namespace has no such Pods',
  )
})

t.test('it knows where the injector is never called', async (t) => {
  for (const name of ['kube-system', 'cert-manager'])
    t.equal(isNamespaceMeshed(name, worldOf([namespace(name, 'enabled')])), 'no', name)
  const disabled = resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: 'a',
      labels: { 'config.linkerd.io/admission-webhooks': 'disabled' },
      annotations: { [inject]: 'enabled' },
    },
  })
  t.equal(isNamespaceMeshed('a', worldOf([disabled])), 'no')
})

t.test('it finds the control plane', async (t) => {
  const marked = resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'mesh-system', labels: { 'linkerd.io/is-control-plane': 'true' } },
  })
  t.same(controlPlanesOf(worldOf([])), ['linkerd'])
  t.same(controlPlanesOf(worldOf([marked, namespace('a')])), ['mesh-system'])
  t.same(controlPlanesOf(worldOf([pod('web', { labels: { 'linkerd.io/control-plane-ns': 'blue' } })])), ['blue'])
  const view = worldOf([marked])
  t.ok(isControlPlane('mesh-system', view))
  t.notOk(isControlPlane('linkerd', view), 'where it is known, no other is it')
  t.ok(isControlPlane('linkerd', worldOf([])))
})

t.test('it knows where the injector is called', async (t) => {
  const template = { metadata: {} }
  t.notOk(seesPods(template, 'shop', inputOf([labelledNamespace({}, disabledLabel)]).view))
  const other = inputOf([labelledNamespace({}, { 'config.linkerd.io/admission-webhooks': 'Disabled' })])
  t.ok(seesPods(template, 'shop', other.view), 'any other value leaves it on')
  const nothing = inputOf([]).view
  t.notOk(seesPods(template, 'kube-system', nothing))
  t.notOk(seesPods(template, 'cert-manager', nothing))
  t.ok(seesPods(template, 'linkerd', nothing))
})

t.test('it asks the injector’s own webhook where one is known', async (t) => {
  const pods = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }
  const chosen = { rules: [pods], namespaceSelector: { matchLabels: { mesh: 'on' } } }
  const spared = { rules: [pods], objectSelector: { matchExpressions: [{ key: 'job', operator: 'DoesNotExist' }] } }
  const conditional = { ...chosen, matchConditions: [{ name: 'a', expression: 'true' }] }
  const on = { mesh: 'on' }
  type Row = readonly [LinkerdSettings['injector'], object | undefined, object, Meshed]
  // the webhooks, labels of the namespace (undefined: it is not known), labels of the Pod, which asks for itself → meshed
  const table: readonly Row[] = [
    [undefined, {}, {}, 'yes'],
    [[chosen], {}, {}, 'no'],
    [[chosen], on, {}, 'yes'],
    [[chosen], undefined, {}, 'unknown'],
    [[conditional], on, {}, 'unknown'],
    [[conditional], {}, {}, 'no'],
    [[spared], {}, {}, 'yes'],
    [[spared], {}, { job: 'a' }, 'no'],
    [[spared], undefined, {}, 'yes'],
    [[{ ...spared, rules: [] }], {}, {}, 'no'],
    [[chosen, spared], {}, {}, 'yes'],
    [[conditional, chosen], on, {}, 'yes'],
    // The label of the injector says more than any webhook.
    [[chosen], {}, { 'linkerd.io/control-plane-ns': 'linkerd' }, 'yes'],
  ]
  for (const [injector, labels, podLabels, expected] of table) {
    const one = pod('web', { labels: podLabels, annotations: { [inject]: 'enabled' } })
    const home = resource('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', labels } })
    const view = worldOf(labels ? [home, one] : [one], { injector })
    const seen = isMeshed(podTemplateOf(one), 'a', view)
    t.equal(seen, expected, JSON.stringify([injector, labels, podLabels]))
  }
  const services = [{ ...pods, resources: ['services'] }]
  const service = resource('Service', { apiVersion: 'v1', kind: 'Service', metadata: { name: 's', namespace: 'a' } })
  t.ok(seesService(service, worldOf([], { injector: [{ rules: services }] })))
  t.notOk(seesService(service, worldOf([], { injector: [{ rules: [pods] }] })))
  t.notOk(seesPods({ metadata: {} }, 'a', worldOf([], { injector: [{ rules: services }] })))
})

t.test('it takes an empty label for none', async (t) => {
  t.ok(hasMeshLabel({ labels: { 'linkerd.io/control-plane-ns': 'linkerd' } }))
  t.notOk(hasMeshLabel({ labels: { 'linkerd.io/control-plane-ns': '' } }))
  t.notOk(hasMeshLabel({}))
})
