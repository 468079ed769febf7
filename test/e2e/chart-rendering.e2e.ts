import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { renderCerts } from '../../scripts/certs.ts'
import { check } from '../../src/commands/check.ts'
import { serve } from '../../src/commands/serve.ts'
import { readValue } from '../../src/manifests/read-document.ts'
import { worldIn } from '../commands/world.ts'
import { chart, objectsOf, type Rendered, render, run, the } from './helm.ts'
import { access, names, registration } from './installation.ts'
import { bin, skipWithout } from './kit.ts'

/* The chart as the real helm renders it. MESHGATE_KIT_BIN names a folder with helm. */

const skip = skipWithout('helm')

const everything = {
  'networkPolicy.enabled': true,
  'networkPolicy.apiServerCidrs': ['10.0.0.0/24'],
  'networkPolicy.metricsFrom': [
    { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
  ],
  'metrics.serviceMonitor.enabled': true,
  'metrics.prometheusRule.enabled': true,
  'metrics.dashboard.enabled': true,
  'clientCertificates.configMap': 'api-server-ca',
  'clientCertificates.names': ['kube-apiserver'],
  'config.ceiling': 'audit',
}

/** Ways to install it. */
const installations: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'with cert-manager': {},
  'with an issuer of others': { 'tls.certManager.issuerRef.name': 'corporate' },
  'in self mode': { 'tls.mode': 'self' },
  'with a Secret': { 'tls.mode': 'secret', 'tls.secret.name': 'serving', 'tls.secret.injectCa': true },
  'with everything': everything,
  'meshed, with everything': { ...everything, 'linkerd.meshed': true },
}

t.test('the rendered chart', { skip }, async (t) => {
  const rendered = async (values: Readonly<Record<string, unknown>>, home?: object) => {
    const { status, stdout, stderr } = await render(values, home)
    if (status !== 0) throw new Error(stderr)
    return { text: stdout, objects: objectsOf(stdout) }
  }

  for (const [how, values] of Object.entries(installations))
    await t.test(how, async (t) => {
      const { text, objects } = await rendered(values)
      t.equal((await rendered(values)).text, text, 'it renders the same bytes again')
      t.notMatch(text, /caBundle/, 'it leaves the caBundle to whoever puts it there')

      const { world, said } = worldIn('.', { stdin: [text] })
      t.equal(await check(['-', '--fail-on', 'info'], world), 0, 'it follows our own rules')
      t.match(said.stdout, /, 0 findings/)

      const options = optionsOf(objects).map((option) => option.replace(/=.*/s, ''))
      const help = worldIn('.')
      await serve(['--help'], help.world)
      t.same(
        options.filter((option) => !help.said.stdout.includes(`${option} `)),
        [],
        'it gives the webhook options that there are',
      )
    })

  await t.test('it registers exactly what is generated', async (t) => {
    const { objects } = await rendered({})
    for (const expected of registration(443, '').slice(1) as Rendered[]) {
      const { metadata, webhooks } = the(objects, expected.kind)
      t.equal(metadata.name, expected.metadata.name)
      const withoutBundle = expected['webhooks'].map(
        ({ clientConfig: { service }, ...entry }: { clientConfig: { service: object } }) => ({
          ...entry,
          clientConfig: { service },
        }),
      )
      t.same(webhooks, withoutBundle)
    }
  })

  await t.test('it waits for no injector, or is meshed but for the port that the API server calls', async (t) => {
    const annotations = async (values: Readonly<Record<string, unknown>>) =>
      the((await rendered(values)).objects, 'Deployment')['spec'].template.metadata.annotations
    t.same(await annotations({}), { 'linkerd.io/inject': 'disabled' })
    t.same(await annotations({ 'linkerd.meshed': true, port: 10250 }), {
      'linkerd.io/inject': 'enabled',
      'config.linkerd.io/skip-inbound-ports': '10250',
    })
  })

  await t.test('it goes on answering longer than it takes to be forgotten', async (t) => {
    for (const drainSeconds of [10, 60]) {
      const { spec } = the((await rendered({ drainSeconds })).objects, 'Deployment')['spec'].template
      t.equal(spec.terminationGracePeriodSeconds, drainSeconds + 20)
      t.ok(spec.containers[0].args.includes(`--drain=${drainSeconds}`))
      t.equal(spec.containers[0].lifecycle, undefined, 'and needs no shell for it')
    }
  })

  await t.test('it knows its own names, wherever it is installed', async (t) => {
    const values = { 'config.linkerd.controlPlaneNamespace': 'mesh', 'webhooks.excludeNamespaces': ['vault'] }
    const { objects } = await rendered(values, { release: 'gate', namespace: 'platform' })
    for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'])
      for (const entry of the(objects, kind)['webhooks']) {
        const { service } = entry.clientConfig
        t.match(service, { name: 'gate-meshgate', namespace: 'platform', port: 443 })
        const [{ operator, values }] = entry.namespaceSelector.matchExpressions
        if (operator === 'In') t.same(values, ['platform'], entry.name)
        else {
          for (const needed of ['platform', 'mesh', 'vault', 'kube-system', 'cert-manager', 'linkerd'])
            t.ok(values.includes(needed), `${entry.name} leaves out ${needed}`)
          t.notOk(values.includes('meshgate'), 'another one of that name is in scope')
          const condition = entry.matchConditions.find(({ name }: { name: string }) => name === 'in-scope')
          t.same(
            [...condition.expression.matchAll(/'([a-z-]+)'/g)].map(([, name]) => name),
            values,
            'by condition, too',
          )
        }
      }
    t.equal(the(objects, 'Role', 'gate-meshgate', 'mesh').metadata.namespace, 'mesh')
    t.same(
      optionsOf(objects).filter((option) => /^--(?:service|dns-name|\w+-configuration)=/.test(option)),
      [
        '--dns-name=gate-meshgate.platform.svc',
        '--service=gate-meshgate',
        '--validating-configuration=gate-meshgate',
        '--mutating-configuration=a-gate-meshgate',
      ],
    )
  })

  await t.test('it grants exactly these rights', async (t) => {
    const own = (resource: string, name: string) => ({
      apiGroups: ['admissionregistration.k8s.io'],
      resources: [resource],
      resourceNames: [name],
      verbs: ['get', 'patch'],
    })
    const core = (resource: string, ...verbs: string[]) => ({ apiGroups: [''], resources: [resource], verbs })
    for (const mode of ['certManager', 'self']) {
      const self = mode === 'self'
      const { objects } = await rendered({ 'tls.mode': mode })
      t.same(the(objects, 'ClusterRole')['rules'], [
        ...access.cluster,
        ...(self
          ? [
              own('mutatingwebhookconfigurations', names.mutating),
              own('validatingwebhookconfigurations', names.validating),
            ]
          : []),
      ])
      t.same(the(objects, 'Role', 'meshgate', 'linkerd')['rules'], access.linkerd)
      t.same(the(objects, 'Role', 'meshgate', 'meshgate')['rules'], [
        core('configmaps', 'create'),
        ...(self
          ? [core('secrets', 'create'), { ...core('secrets', 'get', 'update'), resourceNames: ['meshgate-tls'] }]
          : []),
      ])
    }
  })

  await t.test('it brings the alerts and the dashboard as they are', async (t) => {
    const { objects } = await rendered(everything)
    const alerts = readValue(readFileSync(join(chart, 'files/alerts.yaml'), 'utf8'))
    t.same(the(objects, 'PrometheusRule')['spec'], 'value' in alerts ? alerts.value : alerts.failure)
    const dashboard = the(objects, 'ConfigMap', 'meshgate-dashboard')['data']['meshgate.json']
    t.same(JSON.parse(dashboard), JSON.parse(readFileSync(join(chart, 'files/dashboard.json'), 'utf8')))
  })

  await t.test('it calls a renewal overdue by what the certificate says', async (t) => {
    const limits = async (renewBefore: string) => {
      const { objects } = await rendered({ ...everything, 'tls.certManager.renewBefore': renewBefore })
      const [{ rules }] = the(objects, 'PrometheusRule')['spec'].groups
      return rules.flatMap(({ expr }: { expr: string }) => /expiry.* < (.*)/.exec(expr)?.[1] ?? [])
    }
    t.same(await limits('720h'), ['672 * 3600', '672 * 900'], 'four weeks, and one')
    t.same(await limits('360h'), ['312 * 3600', '312 * 900'], 'two days after it should have been')
    t.same(await limits('8h'), ['4 * 3600', '4 * 900'], 'halfway to the end')
  })

  await t.test('it is what certs/ installs without Helm', async (t) => {
    const root = join(chart, '../..')
    for (const [file, text] of renderCerts(root, join(bin, 'helm')))
      t.equal(readFileSync(join(root, 'certs', file), 'utf8'), text, file)
    const { status, stdout, stderr } = await run(join(bin, 'kubectl'), ['kustomize', join(root, 'certs')])
    t.equal(status, 0, stderr)
    const named = (objects: readonly Rendered[]) =>
      objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`).toSorted()
    const { objects } = await rendered({})
    t.same(named(objectsOf(stdout)), [...named(objects), 'Namespace /meshgate'].toSorted())
    t.notMatch(stdout, /managed-by: Helm/, 'and says that it is not of Helm')
  })

  const impossible: readonly (readonly [values: Readonly<Record<string, unknown>>, text: RegExp])[] = [
    [{ 'tls.mode': 'secret' }, /tls\.secret\.name must name the Secret/],
    [{ 'tls.mode': 'manual' }, /'\/tls\/mode': value must be one of 'certManager', 'self', 'secret'/],
    [
      { 'tls.certManager.ca.renewBefore': '2160h' },
      /tls\.certManager\.ca\.renewBefore 2160h must be more than tls\.certManager\.duration 2160h: otherwise a certificate may outlive the CA/,
    ],
    [{ 'tls.certManager.ca.duration': '8760h' }, /ca\.renewBefore 8760h must be less than .*ca\.duration 8760h/],
    [{ 'tls.certManager.renewBefore': '2160h' }, /renewBefore 2160h must be less than .*duration 2160h/],
    [{ 'tls.certManager.renewBefore': '30d' }, /'\/tls\/certManager\/renewBefore': '30d' does not match pattern/],
    [{ 'tls.certManager.duration': '1h' }, /duration 1h: cert-manager wants more than 1h/],
    [{ replicaCount: 0 }, /'\/replicaCount': minimum: got 0, want 1/],
    [{ 'podDisruptionBudget.maxUnavailable': 2 }, /maxUnavailable 2 must be less than replicaCount 2/],
    [
      { replicaCount: 1, 'webhooks.workload.failurePolicy': 'Fail' },
      /webhooks\.workload\.failurePolicy Fail needs replicaCount 2 or more/,
    ],
    [{ 'webhooks.removal.failurePolicy': 'Fail' }, /'failurePolicy' not allowed/],
    [{ 'webhooks.policy.timeoutSeconds': 30 }, /maximum: got 30, want 10/],
    [{ 'metrics.serviceMonitor.enabled': true, 'metrics.podMonitor.enabled': true }, /counted twice/],
    [{ 'clientCertificates.names': ['kube-apiserver'] }, /without clientCertificates\.configMap/],
    [{ port: 8080 }, /port 8080 is where Pods answer probes/],
    [{ 'config.rules.nobody.enforcement': 'deny' }, /'\/config\/rules': additional properties 'nobody' not allowed/],
    [{ replicas: 3 }, /additional properties 'replicas' not allowed/],
  ]
  await t.test('it fails with clear words on values that cannot be', async (t) => {
    for (const [values, text] of impossible) {
      const { status, stderr } = await render(values)
      t.equal(status, 1, JSON.stringify(values))
      t.match(stderr, text)
    }
  })
})

function optionsOf(objects: readonly Rendered[]): string[] {
  const [container] = the(objects, 'Deployment')['spec'].template.spec.containers
  return container.args.slice(1)
}
