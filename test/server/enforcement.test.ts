import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { loadText } from '../../src/manifests/load.ts'
import { rules } from '../../src/rules/index.ts'
import { buildApp } from '../../src/server/app.ts'
import { createMetrics } from '../../src/server/metrics.ts'

const surroundings = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {env: prod}, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example/web, ports: [{containerPort: 8080}]}]}
`

const rule = 'network-policy-omits-proxy-port'

const policy = (annotations: Readonly<Record<string, string>> = {}, port = 8080) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'web', namespace: 'shop', annotations },
  spec: {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port }] }],
  },
})

/** The webhook in this configuration, on this day. */
function webhook(text: string, day = '2026-12-01') {
  const ids = rules.map(({ id }) => id)
  const clock = { now: Date.parse(day) }
  const court = {
    rules,
    snapshot: snapshotOf(loadText('shop.yaml', surroundings).resources, 'cluster'),
    config: parseConfig('meshgate.yaml', text, ids),
  }
  const { server } = buildApp({ court, metrics: createMetrics(), clock: () => 0, now: () => clock.now })
  return {
    clock,
    configure: (text: string) => {
      court.config = parseConfig('meshgate.yaml', text, ids)
    },
    get: async (url: string) => (await server.inject({ method: 'GET', url })).body,
    validate: async (object: unknown, oldObject: unknown = null) => {
      const request = {
        uid: 'u',
        operation: oldObject === null ? 'CREATE' : 'UPDATE',
        kind: { group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy' },
        namespace: 'shop',
        name: 'web',
        object,
        oldObject,
      }
      const payload = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }
      const answer = await server.inject({ method: 'POST', url: '/validate', payload })
      const { uid, ...response } = answer.json().response
      t.equal(uid, 'u')
      return response
    },
  }
}

const exempt = (part = '') => `
rules: {${rule}: {enforcement: deny}}
exemptions: [{rule: ${rule}, namespace: shop, name: web, reason: until the move, owner: team-shop${part}}]
`

t.test('it lets be what is exempt, and names the rule in the audit log', async (t) => {
  t.same(await webhook(exempt()).validate(policy()), { allowed: true, auditAnnotations: { exempt: rule } })
})

t.test('it warns of the end, then denies again and says why', async (t) => {
  const { validate, clock } = webhook(exempt(', expires: 2027-01-31'))
  t.same(await validate(policy()), { allowed: true, auditAnnotations: { exempt: rule } })
  clock.now = Date.parse('2027-01-31T23:59:59Z')
  t.same(await validate(policy()), {
    allowed: true,
    warnings: [`exemption ends on 2027-01-31 (owner team-shop): ${rule} for shop/web`],
    auditAnnotations: { exempt: rule },
  })
  clock.now = Date.parse('2027-02-01T00:00:00Z')
  t.match(await validate(policy()), {
    allowed: false,
    status: { message: /\(not exempt: the exemption expired on 2027-01-31 \(owner team-shop\)\)\nread more/ },
    auditAnnotations: { deny: rule },
  })
  t.match(await validate(policy({ team: 'a' }), policy()), {
    allowed: true,
    warnings: [/4143/, `[${rule}] not exempt: the exemption expired on 2027-01-31 (owner team-shop)`],
    auditAnnotations: { warn: rule },
  })
})

t.test('it names suppressed rules in the audit log, and lifts denials only where it may', async (t) => {
  const annotated = policy({ [`suppress.meshgate.dev/${rule}`]: 'legacy clients only' })
  t.same(await webhook('').validate(annotated), { allowed: true, auditAnnotations: { suppress: rule } })
  const deny = `rules: {${rule}: {enforcement: deny}}\n`
  t.match(await webhook(deny).validate(annotated), { allowed: false, auditAnnotations: { deny: rule } })
  t.same(await webhook(`${deny}suppressDenials: true`).validate(annotated), {
    allowed: true,
    auditAnnotations: { suppress: rule },
  })
})

t.test('it takes an old finding for old: it warns, and an annotation may suppress that', async (t) => {
  const annotated = (team: string) => policy({ [`suppress.meshgate.dev/${rule}`]: 'legacy clients only', team })
  const { validate } = webhook(`rules: {${rule}: {enforcement: deny}}`)
  t.match(await validate(policy({ team: 'b' }), policy({ team: 'a' })), {
    allowed: true,
    auditAnnotations: { warn: rule },
  })
  t.same(await validate(annotated('b'), annotated('a')), { allowed: true, auditAnnotations: { suppress: rule } })
  const unreasoned = policy({ [`suppress.meshgate.dev/${rule}`]: '' })
  t.match(await validate(unreasoned, policy()), { allowed: true, warnings: [/4143/, /gives no reason/] })
  t.match(await validate(annotated('b'), policy({}, 4143)), { allowed: false }, 'a new one is new')
})

t.test('it denies by the labels of the Namespace in the cluster', async (t) => {
  const config = (env: string) =>
    `rules: {${rule}: {namespaces: [{selector: {matchLabels: {env: ${env}}}, enforcement: deny}]}}`
  t.match(await webhook(config('prod')).validate(policy()), { allowed: false })
  t.match(await webhook(config('test')).validate(policy()), { allowed: true, auditAnnotations: { warn: rule } })
})

t.test('it obeys a new configuration at the next review', async (t) => {
  const { validate, configure } = webhook(`rules: {${rule}: {enforcement: deny}}`)
  t.match(await validate(policy()), { allowed: false })
  configure(`ceiling: audit\nrules: {${rule}: {enforcement: deny}}`)
  t.same(await validate(policy()), { allowed: true, auditAnnotations: { audit: rule } })
})

t.test('it says which exemptions somebody should look at', async (t) => {
  const { validate, get, clock, configure } = webhook(`
exemptions:
  - {rule: ${rule}, namespace: shop, name: web, reason: x}
  - {rule: ${rule}, namespace: shop, name: api, reason: x}
  - {rule: ${rule}, namespace: shop, name: old, reason: x, owner: team-a, expires: 2026-11-30}
  - {rule: ${rule}, namespace: shop, name: soon, reason: x, expires: 2026-12-02}
`)
  const states = async () =>
    Object.fromEntries(
      [...(await get('/metrics')).matchAll(/^meshgate_exemptions\{state="(\w+)"\} (\d+)$/gm)].map(
        ([, state, count]) => [state, Number(count)],
      ),
    )
  t.same(await states(), { expired: 1, ending: 1, unused: 2, used: 0 })
  await validate(policy())
  t.same(await states(), { expired: 1, ending: 1, unused: 1, used: 1 })
  t.equal(
    await get('/readyz?verbose'),
    [
      'snapshot: cluster',
      `rules: ${rules.length}`,
      `exemption unused since the start: ${rule} for shop/api`,
      `exemption expired on 2026-11-30 (owner team-a): ${rule} for shop/old`,
      `exemption ends on 2026-12-02: ${rule} for shop/soon`,
      'ok',
      '',
    ].join('\n'),
  )
  t.equal(await get('/readyz'), 'ok\n')
  t.match(await get('/metrics'), `meshgate_findings_total{rule="${rule}",enforcement="exempt"} 1`)
  clock.now = Date.parse('2027-01-01')
  t.same(await states(), { expired: 2, ending: 0, unused: 1, used: 1 })
  configure(`exemptions: [{rule: ${rule}, namespace: shop, name: web, reason: until May}]`)
  t.same(await states(), { expired: 0, ending: 0, unused: 0, used: 1 }, 'it remembers the use of one that stays')
})
