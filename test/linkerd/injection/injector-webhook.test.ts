import t from 'tap'
import {
  type CreatedObject,
  isConditional,
  whyNotCalled,
  whyNotCalledByDefault,
} from '../../../src/linkerd/injection/injector-webhook.ts'
import { namespace, resource } from '../world.ts'

const term = (key: string, operator: string, ...values: string[]) => ({ key, operator, values })

/** As the chart renders it: what the CLI leaves null, and Helm fills. */
const byChart = {
  name: 'linkerd-proxy-injector.linkerd.io',
  rules: [
    {
      operations: ['CREATE'],
      apiGroups: [''],
      apiVersions: ['v1'],
      resources: ['pods', 'services'],
      scope: 'Namespaced',
    },
  ],
  namespaceSelector: {
    matchExpressions: [
      term('config.linkerd.io/admission-webhooks', 'NotIn', 'disabled'),
      term('kubernetes.io/metadata.name', 'NotIn', 'kube-system', 'cert-manager'),
    ],
  },
  objectSelector: {
    matchExpressions: [
      term('linkerd.io/control-plane-component', 'DoesNotExist'),
      term('linkerd.io/cni-resource', 'DoesNotExist'),
    ],
  },
}

function object(name: string, labels: object = {}, own: Record<string, string> = {}): CreatedObject {
  const known = resource('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  return { resource: 'pods', labels: own, namespaceName: name, namespace: known }
}

const off = { 'config.linkerd.io/admission-webhooks': 'disabled' }
const controlPlane = { 'linkerd.io/control-plane-component': 'identity' }

t.test('it finds why the API server does not call the injector', async (t) => {
  t.equal(whyNotCalled(byChart, object('shop')), undefined)
  t.equal(
    whyNotCalled(byChart, object('shop', { 'config.linkerd.io/admission-webhooks': 'off' })),
    undefined,
    'another value',
  )
  t.equal(whyNotCalled(byChart, object('shop', off)), 'namespace-label')
  t.equal(whyNotCalled(byChart, object('kube-system')), 'namespace-name', 'the name is a label of every Namespace')
  t.equal(whyNotCalled(byChart, { ...object('kube-system'), namespace: undefined }), 'namespace-name')
  t.equal(whyNotCalled(byChart, object('shop', {}, controlPlane)), 'object')
  t.equal(
    whyNotCalled({ ...byChart, objectSelector: null }, object('shop', {}, controlPlane)),
    undefined,
    'the CLI’s null',
  )
  t.equal(whyNotCalled({ ...byChart, namespaceSelector: null }, object('shop', off)), undefined)
  const opt = { ...byChart, namespaceSelector: { matchLabels: { mesh: 'yes' } } }
  t.equal(whyNotCalled(opt, object('shop')), 'namespace')
  t.equal(whyNotCalled(opt, object('shop', { mesh: 'yes' })), undefined)
})

t.test('it reads the rules of a webhook as the API server does', async (t) => {
  const [rule] = byChart.rules
  const called = (change: object) =>
    whyNotCalled({ ...byChart, rules: [{ ...rule, ...change }] }, object('shop')) === undefined
  t.ok(called({ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: null }))
  t.ok(called({ resources: ['*/*'] }))
  t.notOk(called({ operations: ['UPDATE'] }))
  t.notOk(called({ apiGroups: ['apps'] }))
  t.notOk(called({ apiVersions: ['v2'] }))
  t.notOk(called({ resources: ['services', 'pods/status'] }))
  t.notOk(called({ scope: 'Cluster' }))
  t.equal(whyNotCalled({ ...byChart, rules: null }, object('shop')), 'rules')
})

t.test('it knows Linkerd’s defaults where there is no webhook to read', async (t) => {
  t.equal(whyNotCalledByDefault(object('shop')), undefined)
  t.equal(whyNotCalledByDefault(object('shop', off)), 'namespace-label')
  t.equal(whyNotCalledByDefault(object('cert-manager')), 'namespace-name')
  t.equal(whyNotCalledByDefault({ ...object('shop'), namespace: namespace('shop') }), undefined)
})

t.test('it does not evaluate conditions, and says that there are some', async (t) => {
  t.notOk(isConditional(byChart))
  t.ok(isConditional({ ...byChart, matchConditions: [{ name: 'a', expression: 'true' }] }))
})
