import t from 'tap'
import { snapshotOf } from '../../../src/core/snapshot.ts'
import { createStore } from '../../../src/core/store.ts'
import { settingsAmong } from '../../../src/linkerd/injection/injector-reach.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { resource } from '../world.ts'

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }

const configuration = (name: string, more: object = {}, webhook = 'linkerd-proxy-injector.linkerd.io') =>
  resource('MutatingWebhookConfiguration', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [{ name: webhook, rules: [rule], ...more }],
  })

t.test('it takes from a snapshot what chooses the injector’s objects, of every control plane', async (t) => {
  const selector = { matchLabels: { mesh: 'on' } }
  const found = settingsAmong(
    snapshotOf(
      [
        configuration('blue', { namespaceSelector: selector, failurePolicy: 'Ignore' }),
        configuration('green'),
        configuration('other', {}, 'other.example.dev'),
      ],
      'input',
    ),
    defaultSettings,
    'declared',
  )
  const rest = { rules: [rule], namespaceSelector: null, objectSelector: null, matchConditions: null }
  t.same(found, { ...defaultSettings, injector: [{ ...rest, namespaceSelector: selector }, rest] })
  const without = settingsAmong(snapshotOf([configuration('other', {}, 'x')], 'cluster'), defaultSettings, 'declared')
  t.equal(without, defaultSettings, 'no webhook is known, so Linkerd’s defaults hold')
})

t.test('its settings stay one object until the choice changes', async (t) => {
  const store = createStore()
  const look = (base = defaultSettings) => settingsAmong(store.snapshot, base, 'admitted')
  t.equal(look(), defaultSettings)
  store.upsert(configuration('injector'))
  const first = look()
  t.not(first, defaultSettings)
  store.upsert(configuration('injector', { clientConfig: { caBundle: 'AAAA' } }))
  store.upsert(configuration('other', {}, 'other.example.dev'))
  t.equal(look(), first, 'a renewed certificate chooses nobody')
  store.upsert(configuration('injector', { objectSelector: { matchLabels: { a: 'b' } } }))
  const second = look()
  t.match(second.injector, [{ objectSelector: { matchLabels: { a: 'b' } } }])
  const other = { ...defaultSettings, inboundPort: 5143 }
  t.match(look(other), { inboundPort: 5143, injector: second.injector })
  store.remove('MutatingWebhookConfiguration', '', 'injector')
  t.equal(look(), defaultSettings)
})
