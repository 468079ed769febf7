import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { metricsAskedFor, metricsIn } from '../charts/metrics.ts'
import { done } from './apply.ts'
import { type CertManager, certManagerKinds, startCertManager } from './cert-manager.ts'
import { accepts, skipChart, startChartStory } from './chart-story.ts'
import { define, monitoringKinds } from './custom-resources.ts'
import { chart, helm, run } from './helm.ts'
import { injectorConfiguration, injectorService, podWebhook } from './linkerd-injector.ts'
import { deployment, nats, pod, policy } from './manifests.ts'
import { until } from './until.ts'

/*
 * The chart in a cluster with cert-manager. MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver, controllers, kubectl, helm
 * and cert-manager-lab.
 */

const everything = {
  'metrics.serviceMonitor.enabled': true,
  'metrics.prometheusRule.enabled': true,
  'metrics.dashboard.enabled': true,
  'networkPolicy.enabled': true,
}

/** For CN=node-1, by a key that nobody has any more. */
const signingRequest = Buffer.from(
  `-----BEGIN CERTIFICATE REQUEST-----
MIHLMHMCAQAwETEPMA0GA1UEAwwGbm9kZS0xMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAE8PGRtMD2gtV3Nuy4EgDcdhk933XlcCWK89uf0fte5c1BXMeUu+LWPtXO
aXDqcpBj1rVSMOpz5xP0YB1vjqErc6AAMAoGCCqGSM49BAMCA0gAMEUCIQDiC31e
7N6OKN2c+zFzI3ZROwcXl6CA2e62ZQbc/HF4tQIgKG6wEaFOsA8XSqEu0bMDfR0m
0p4VbtDLdZwWDT78DE4=
-----END CERTIFICATE REQUEST-----
`,
).toString('base64')

/** Linkerd's injector as its chart registers it where it must not be missed; nobody answers. */
const deadInjector = podWebhook(injectorConfiguration, injectorService, '', {
  rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods', 'services'] }],
  failurePolicy: 'Fail',
})

t.test('the chart in a cluster', { skip: skipChart, timeout: 600_000 }, async (t) => {
  const story = await startChartStory(t)
  const { cluster, kubectl, create, open } = story
  const { release, install, upgrade, replica, bundles, verdict, judges, remains } = story

  /** Those of meshgate. */
  const pods = async () => {
    const selected = ['get', 'pods', '-n', 'meshgate', '-l', 'app.kubernetes.io/name=meshgate', '-o', 'json']
    return JSON.parse(done(await kubectl(selected)).stdout).items as {
      metadata: { uid: string; annotations: Record<string, string> }
      spec: object
    }[]
  }
  let certManager: CertManager | undefined
  t.teardown(() => certManager?.stop())
  await define(cluster, [...certManagerKinds, ...monitoringKinds])

  // T14
  await t.test('it stands in the way of nobody while it is slow to come', async (t) => {
    accepts(t, await install({ ...everything, replicaCount: 2 }), 'everything else of the release applies')
    await until('the configuration in force', async () => (await verdict()).status !== 0)
    accepts(t, await create(deployment('shop', 'other')), 'a Deployment')
    accepts(t, await create(nats('shop')), 'a Service')
    accepts(t, await create(pod('shop', 'other')), 'a Pod')
    accepts(t, await create(policy('meshgate', 'own')), 'a policy of its own namespace')
    const refused = await create(policy('shop', 'early'))
    t.equal(refused.status, 1)
    t.match(
      refused.stderr,
      /failed calling webhook "policy\.validate\.meshgate\.dev"/,
      'and who refuses it says its name',
    )

    // No Pod, no Secret, no caBundle until now.
    t.same([...new Set(await bundles())], [undefined])
    certManager = startCertManager(cluster)
    await until('the caBundle', async () => (await bundles()).every((bundle) => bundle !== undefined))
    await until(
      'the Secret',
      async () => (await kubectl(['get', 'secret', 'meshgate-tls', '-n', 'meshgate'])).status === 0,
    )
    await replica.start()
    await judges()
    t.match((await verdict()).stderr, /admission webhook "policy\.validate\.meshgate\.dev" denied the request/)
    const standIn = replica.running()
    t.ok(standIn, 'a Pod answers')
    if (standIn) {
      const script = ['--input-type=module', '--eval', readFileSync(join(chart, 'files/test.mjs'), 'utf8')]
      const asked = await run(process.execPath, script, undefined, { MESHGATE_URL: standIn.health })
      accepts(t, asked, `helm test: ${asked.stdout}`)
      const page = await (await fetch(`${standIn.health}/metrics`)).text()
      t.notMatch(page, /^meshgate_configuration_drift(?:\{.*\})? [1-9]/m, 'as installed is no drift')
      const there = metricsIn(page)
      for (const [file, names] of metricsAskedFor())
        t.same(
          names.filter((name) => !there.has(name)),
          [],
          `${file} asks for what there is`,
        )
    }
    accepts(t, await create(policy('shop', 'good', [8080, 4143]), '--dry-run=server'), 'what is right')
  })

  await t.test('it has Pods that `restricted` admits', async (t) => {
    await until('its Pods', async () => (await pods()).length === 2)
    for (const { spec } of await pods()) t.match(spec, { priorityClassName: 'system-cluster-critical' })
    const refused = await create(pod('meshgate', 'privileged'))
    t.match(refused.stderr, /violates PodSecurity "restricted/, 'which is in force')
    const rendered = done(
      await helm(['template', 'meshgate', chart, '-n', 'meshgate', '--show-only=templates/tests/webhook.yaml']),
    )
    accepts(
      t,
      await kubectl(['create', '--dry-run=server', '-f', '-'], rendered.stdout),
      'and so is the Pod of helm test',
    )
  })
  // T48
  await t.test('it keeps the caBundle through upgrades and rollbacks', async (t) => {
    certManager?.pauseInjector()
    const before = await bundles()
    t.equal(before.length, 5)
    const generation = async () =>
      JSON.parse((await kubectl(['get', 'deployment', 'meshgate', '-n', 'meshgate', '-o', 'json'])).stdout).metadata
        .generation
    const same = async (what: string) => {
      t.same(await bundles(), before, what)
      await judges()
    }
    const old = await generation()
    accepts(
      t,
      await upgrade({ ...everything, podLabels: { new: 'yes' }, 'webhooks.policy.timeoutSeconds': 7 }),
      'upgrade',
    )
    t.not(await generation(), old)
    await same('after an upgrade')
    accepts(t, await upgrade({ replicaCount: 2 }, '--server-side=false'), 'upgrade')
    await same('after an upgrade as Helm 3 does it')
    accepts(t, await release('rollback', '1'), 'rollback')
    await same('after a rollback')
    accepts(t, await release('rollback', '2', '--server-side=false'), 'rollback')
    await same('after a rollback as Helm 3 does it')
  })

  await t.test('it takes a new configuration without a restart', async (t) => {
    const spec = async () =>
      done(await kubectl(['get', 'deployment', 'meshgate', '-n', 'meshgate', '-o', 'jsonpath={.spec}'])).stdout
    accepts(t, await upgrade({}), 'upgrade')
    const before = await spec()
    const asNoted = ['--reset-then-reuse-values', '--set', 'config.ceiling=warn']
    accepts(t, await release('upgrade', chart, ...asNoted), 'upgrade')
    t.equal(await spec(), before)
    await replica.running()?.sync()
    await until('a warning', async () => /^Warning: .*TCP 4143 is missing/.test((await verdict()).stderr))
    accepts(t, await release('rollback'), 'rollback')
    await replica.running()?.sync()
    await until('a denial', async () => /denied the request/.test((await verdict()).stderr))
  })

  // T13
  await t.test('it lets the cluster live when no replica does', async (t) => {
    // Harder than by default: workloads fail closed, too.
    accepts(t, await upgrade({ 'webhooks.workload.failurePolicy': 'Fail' }), 'upgrade')
    done(await create(policy('shop', 'stuck', [8080, 4143], { finalizers: ['example.dev/wait'] })))
    await open('doomed')
    for (const object of [policy('doomed', 'api', [8080, 4143]), deployment('doomed', 'web', 1)])
      done(await create(object))
    await replica.stop()
    await until('no replica', async () => /failed calling webhook/.test((await verdict()).stderr))

    for (const [object, entry] of [
      [policy('shop', 'late', [8080, 4143]), 'policy'],
      [deployment('shop', 'late'), 'workload'],
      [pod('shop', 'late'), 'workload'],
    ] as const) {
      const { status, stderr } = await create(object)
      t.equal(status, 1, `${object.kind} is in scope`)
      t.match(stderr, new RegExp(`failed calling webhook "${entry}\\.validate\\.meshgate\\.dev"`))
    }

    const before = (await pods()).length
    const scaled = await kubectl(['scale', 'deployment', 'meshgate', '-n', 'meshgate', '--replicas=5'])
    accepts(t, scaled, 'more replicas of itself')
    await until('its own new Pod', async () => (await pods()).length > before)
    for (const home of ['kube-system', 'linkerd', 'cert-manager'])
      for (const object of [pod(home, 'new'), deployment(home, 'new'), nats(home), policy(home, 'new')])
        accepts(t, await create(object), `${object.kind} in ${home}`)
    const issuer = { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', spec: { selfSigned: {} } }
    for (const home of ['cert-manager', 'meshgate'])
      accepts(t, await create({ ...issuer, metadata: { name: 'new', namespace: home } }), `an Issuer in ${home}`)
    const renewed = await kubectl([
      'annotate',
      'certificate',
      'meshgate-serving',
      '-n',
      'meshgate',
      'example.dev/touched=yes',
    ])
    accepts(t, renewed, 'its own Certificate')

    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } }
    accepts(t, await create(node), 'a Node')
    accepts(t, await kubectl(['label', 'node', 'node-1', 'example.dev/touched=yes']), 'a Node again')
    const asNode = ['--as=system:node:node-1', '--as-group=system:nodes', '--as-group=system:masters']
    accepts(t, await create(pod('shop', 'static'), ...asNode), 'what a node does')
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
    for (const home of ['kube-node-lease', 'shop'])
      accepts(t, await create({ ...lease, metadata: { name: 'node-1', namespace: home } }), `a Lease in ${home}`)
    const request = {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'node-1' },
    }
    const spec = { request: signingRequest, signerName: 'example.dev/nodes', usages: ['client auth'] }
    accepts(t, await create({ ...request, spec }), 'a CertificateSigningRequest')

    accepts(t, await kubectl(['delete', 'networkpolicy', 'stuck', '-n', 'shop', '--wait=false']), 'a removal')
    const release = '[{"op":"remove","path":"/metadata/finalizers"}]'
    accepts(
      t,
      await kubectl(['patch', 'networkpolicy', 'stuck', '-n', 'shop', '--type=json', `--patch=${release}`]),
      'the last finalizer',
    )
    t.match((await kubectl(['get', 'networkpolicy', 'stuck', '-n', 'shop'])).stderr, /NotFound/)
    accepts(t, await kubectl(['delete', 'namespace', 'doomed', '--timeout=50s']), 'a namespace and all in it')

    await replica.start()
    await judges()
    accepts(t, await create(deployment('shop', 'late')), 'it comes back by itself')
  })

  // T53
  await t.test('it and Linkerd start in any order when the webhooks of both are dead', async (t) => {
    await replica.stop()
    done(await create(deadInjector))
    await until('no injector', async () =>
      /proxy-injector/.test((await create(pod('shop', 'x'), '--dry-run=server')).stderr),
    )
    t.match((await create(pod('shop', 'unlucky'))).stderr, /failed calling webhook/, 'others do not')

    const before = new Set((await pods()).map(({ metadata }) => metadata.uid))
    done(await kubectl(['delete', 'pods', '-n', 'meshgate', '-l', 'app.kubernetes.io/name=meshgate']))
    await until('new Pods of its own', async () => (await pods()).some(({ metadata }) => !before.has(metadata.uid)))
    for (const { metadata } of await pods()) t.equal(metadata.annotations['linkerd.io/inject'], 'disabled')
    accepts(t, await create(pod('linkerd', 'again')), 'a Pod of Linkerd')

    done(await kubectl(['delete', 'mutatingwebhookconfiguration', deadInjector.metadata.name]))
    await replica.start()
    await judges()
  })

  await t.test('it leaves nothing behind, and blocks nobody', async (t) => {
    await replica.stop()
    accepts(t, await release('uninstall'), 'uninstall')
    await until('its Pods to be gone', async () => (await remains()).length === 0)
    const removed = cluster
      .audit()
      .split('\n')
      .filter((line) => /"verb":"delete"/.test(line) && /"userAgent":"[Hh]elm/.test(line))
      .map((line) => JSON.parse(line).objectRef.resource as string)
    const last = (resource: string) => removed.lastIndexOf(resource)
    t.ok(last('services') > last('validatingwebhookconfigurations'), 'who is called goes after who calls')
    t.ok(last('deployments') > last('validatingwebhookconfigurations'))
    t.ok(last('validatingwebhookconfigurations') > 0)
    accepts(t, await create(policy('shop', 'bad'), '--dry-run=server'), 'nothing is refused any more')
    const secrets = done(await kubectl(['get', 'secret', '-n', 'meshgate', '-o', 'name'])).stdout
    t.equal(secrets, 'secret/meshgate-ca\nsecret/meshgate-tls\n', 'but for what cert-manager keeps for its owner')
  })

  await t.test('it is installed without Helm, too', async (t) => {
    await certManager?.stop()
    certManager = startCertManager(cluster)
    done(await kubectl(['delete', 'namespace', 'meshgate']))
    const folder = join(chart, '../../certs')
    accepts(t, await kubectl(['apply', '-k', folder]), 'apply -k')
    await until('the caBundle', async () => (await bundles()).every((bundle) => bundle !== undefined))
    await replica.start()
    await judges()
    t.match((await verdict()).stderr, /^Warning: \[network-policy-omits-proxy-port\]/, 'warns, as is the default')
    await replica.stop()
    accepts(t, await kubectl(['delete', '-k', folder]), 'delete -k')
    t.same(await remains(), [])
    accepts(t, await create(policy('shop', 'bad'), '--dry-run=server'), 'nothing is refused any more')
  })
})
