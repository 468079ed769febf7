import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { makeCertificate } from '../server/make-certificate.ts'
import { create } from './apply.ts'
import { startBalancer } from './balancer.ts'
import { skipWithout } from './kit.ts'
import {
  ecdsa,
  edit,
  failedOpen,
  type LiveWebhooks,
  lead,
  own,
  setBundle,
  shakeHandsAnew,
  startWatching,
} from './own-registration.ts'
import { startRotation } from './rotation-story.ts'
import { fingerprintOf, servedBy } from './served-leaf.ts'
import { until } from './until.ts'

/*
 * Rotation with a real API server, cert-manager and cainjector: T15 to T18, T22 to T24 and T26 of the failure list. What
 * takes minutes in earnest (lag, lifetimes) takes seconds here. MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver,
 * kubectl and cert-manager-lab.
 */

const skip = skipWithout('etcd, kube-apiserver and cert-manager-lab')

t.test('rotation, before a real API server and cert-manager', { skip, timeout: 560_000 }, async (t) => {
  const { cluster, manager, certificates, replica, folder, clientCa, closing, ...story } = await startRotation(t)
  const { isMet, isTrusted, isAnswered, sum, loadOf, fingerprintServed, isServed, bundle, mount, isAuthorityIn } = story

  await t.test('it is called, trusted and as installed', async (t) => {
    await isTrusted(1)
    await isAnswered(1)
    t.same(await replica.samples('meshgate_configuration_drift'), [])
    const { status, body } = await replica.ready()
    t.equal(status, 200)
    t.match(body, /^canary: answered by meshgate-a \(\d+ s ago\)$/m)
  })

  await t.test('it serves each of twenty renewed leaves, and no call of a hundred a second fails', async (t) => {
    const load = loadOf(t, 'shop', 100)
    for (let renewal = 1; renewal <= 20; renewal++) {
      const secret = await certificates.renew('meshgate-tls')
      await mount(secret)
      t.equal(await fingerprintServed(), fingerprintOf(secret), `renewal ${renewal}`)
      await shakeHandsAnew(cluster)
    }
    const { calls, failures, rate } = await load.stop()
    t.comment(`${calls} calls, ${rate} a second, during 20 renewals`)
    t.same(failures, [])
    t.ok(calls >= 100)
    t.equal(await sum('meshgate_certificate_reloads_total{result="swapped"}'), 20)
    await isTrusted(1)
  })

  await t.test('it loses no call when the CA is renewed with its key, in every order', async (t) => {
    const load = loadOf(t, 'shop', 50)
    const waited = await sum('meshgate_certificate_reloads_total{result="deferred"}')
    await certificates.renew('meshgate-ca')
    await shakeHandsAnew(cluster)
    await isTrusted(1)
    t.comment('the CA first, then the leaf, then the caBundle')
    manager.pauseInjector()
    const secret = await certificates.renew('meshgate-tls')
    await mount(secret)
    t.equal(await fingerprintServed(), fingerprintOf(secret), 'the key is the same, so it need not wait')
    await shakeHandsAnew(cluster)
    manager.resumeInjector()
    await until('the renewed CA', async () => (await bundle()).includes(secret.ca.trim()))
    t.comment('the caBundle before the file')
    await certificates.renew('meshgate-ca')
    const later = await certificates.renew('meshgate-tls')
    await until('the renewed CA', async () => (await bundle()).includes(later.ca.trim()))
    await shakeHandsAnew(cluster)
    await mount(later)
    await shakeHandsAnew(cluster)
    t.same((await load.stop()).failures, [])
    t.equal(await sum('meshgate_certificate_reloads_total{result="deferred"}'), waited)
    await isTrusted(1)
  })

  // From here on, each renewal of the CA makes a new key.
  await certificates.change('meshgate-ca', { privateKey: { ...ecdsa, rotationPolicy: 'Always' } })

  await t.test('it loses no call when the CA gets a new key, whatever comes first', async (t) => {
    const load = loadOf(t, 'shop', 50)
    await certificates.renew('meshgate-ca')
    const secret = await certificates.renew('meshgate-tls')
    await isAuthorityIn(secret)
    await shakeHandsAnew(cluster)
    await mount(secret)
    await isServed(secret)
    await shakeHandsAnew(cluster)
    t.same(load.failures(), [], 'A: the caBundle first')

    manager.pauseInjector()
    await certificates.renew('meshgate-ca')
    const next = await certificates.renew('meshgate-tls')
    await mount(next)
    await shakeHandsAnew(cluster)
    t.equal(await fingerprintServed(), fingerprintOf(secret), 'it waits')
    t.match((await replica.ready()).body, /^a new certificate waits since .*unknown authority/m)
    await isTrusted(1)
    manager.resumeInjector()
    await isServed(next)
    await shakeHandsAnew(cluster)
    const { calls, failures } = await load.stop()
    t.comment(`${calls} calls`)
    t.same(failures, [], 'B: the file first')
    t.match(
      replica.log.filter((line) => line.includes('"level":50')),
      [],
    )
  })

  await t.test('a caBundle that is replaced fails calls until the file comes, and it says so', async (t) => {
    manager.pauseInjector()
    await certificates.renew('meshgate-ca')
    const secret = await certificates.renew('meshgate-tls')
    await setBundle(cluster, secret.ca)
    const load = loadOf(t, 'shop', 20)
    await isTrusted(0)
    await until('a failure', async () => load.failures().length > 0)
    t.ok((await sum('meshgate_trust_probe_failures_total{reason="unknown-authority"}')) > 0)
    t.match(load.failures()[0]?.said, /^500 .*x509: certificate signed by unknown authority/)
    await until('not being ready', async () => (await replica.ready()).status === 503)
    t.match(
      (await replica.ready()).body,
      /^API servers do not trust the certificate that is served \(unknown-authority\)/m,
    )
    await mount(secret)
    await isServed(secret)
    await isTrusted(1)
    await until('calls that succeed', async () => {
      const before = load.failures().length
      await shakeHandsAnew(cluster)
      return load.failures().length === before
    })
    await load.stop()
    t.equal((await replica.ready()).status, 200)
    manager.resumeInjector()
  })

  await t.test('with cainjector dead, it waits while the old leaf lives, then says aloud what it does', async (t) => {
    await certificates.change('meshgate-tls', { duration: '25s', renewBefore: '2s' })
    const old = await certificates.renew('meshgate-tls')
    await isAuthorityIn(old)
    await mount(old)
    await isServed(old)
    await isTrusted(1)
    manager.pauseInjector()
    await certificates.renew('meshgate-ca')
    await certificates.change('meshgate-tls', { duration: '2160h', renewBefore: '720h' })
    const secret = await certificates.renew('meshgate-tls')
    const load = loadOf(t, 'shop', 20)
    await mount(secret)
    await shakeHandsAnew(cluster)
    t.equal(await fingerprintServed(), fingerprintOf(old))
    await until('the last tenth of its life', async () => {
      await replica.reload()
      return (await fingerprintServed()) === fingerprintOf(secret)
    })
    const leftMs = new X509Certificate(old.cert).validToDate.getTime() - Date.now()
    t.comment(`${leftMs} ms before the old one ended`)
    t.ok(leftMs < 2500)
    t.equal(await sum('meshgate_certificate_reloads_total{result="forced"}'), 1)
    t.match(replica.log.join(''), /serving a new certificate though API servers do not verify it: x509/)
    await isTrusted(0)
    manager.resumeInjector()
    await isTrusted(1)
    await load.stop()
  })

  await t.test('it tells of an expired leaf though failurePolicy Ignore hides it', async (t) => {
    await certificates.change('meshgate-tls', { duration: '15s', renewBefore: '1s' })
    const secret = await certificates.renew('meshgate-tls')
    await isAuthorityIn(secret)
    await mount(secret)
    await isServed(secret)
    await isTrusted(1)
    await shakeHandsAnew(cluster)
    await isAnswered(1)
    const before = await failedOpen(cluster)
    const kept = connect({
      host: '127.0.0.1',
      port: replica.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    })
    await new Promise((resolve) => kept.once('secureConnect', resolve))
    const askOverKept = () => {
      kept.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')
      return new Promise((resolve) => kept.once('data', resolve))
    }
    t.match(String(await askOverKept()), /200 OK/)
    manager.pauseInjector()
    const ends = new X509Certificate(secret.cert).validToDate.getTime()
    await until('its end', async () => Date.now() > ends)
    const ended = Date.now()
    await isTrusted(0)
    t.ok((await sum('meshgate_trust_probe_failures_total{reason="expired"}')) > 0)
    await until('not being ready', async () => (await replica.ready()).status === 503)
    t.match((await replica.ready()).body, /^the certificate expired on /m)
    t.match(String(await askOverKept()), /200 OK/, 'a kept connection goes on')
    kept.destroy()
    await shakeHandsAnew(cluster)
    await isAnswered(0)
    t.ok((await sum('meshgate_canary_total{result="expired"}')) > 0)
    t.match((await replica.ready()).body, /^canary: failed: expired: .*certificate has expired or is not yet valid/m)
    t.comment(`known ${Date.now() - ended} ms after its end`)
    const letThrough = await sum('meshgate_canary_total{result="failed-open"}')
    await edit(cluster, 'validating', (webhooks) => {
      for (const webhook of webhooks) if (webhook.name.startsWith('canary')) webhook.failurePolicy = 'Ignore'
    })
    const open = async () => (await sum('meshgate_canary_total{result="failed-open"}')) > letThrough
    await until('a canary that is let through', open)
    t.ok((await failedOpen(cluster)) > before, 'the API server counts it, too')
    await edit(cluster, 'validating', (webhooks) => {
      for (const webhook of webhooks) if (webhook.name.startsWith('canary')) webhook.failurePolicy = 'Fail'
    })
    manager.resumeInjector()
    await certificates.change('meshgate-tls', { duration: '2160h', renewBefore: '720h' })
    const good = await certificates.renew('meshgate-tls')
    await isAuthorityIn(good)
    await mount(good)
    await isTrusted(1)
    await isAnswered(1)
  })

  await t.test('it knows within a minute how its configurations were edited', async (t) => {
    manager.pauseInjector()
    const path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${own.validating}`
    const whole = JSON.parse((await cluster.request('GET', path)).body)
    const restore = async () => {
      const { body } = await cluster.request('GET', path)
      const { resourceVersion } = JSON.parse(body).metadata
      const { status } = await cluster.request(
        'PUT',
        path,
        JSON.stringify({ ...whole, metadata: { ...whole.metadata, resourceVersion } }),
      )
      t.equal(status, 200)
      await until('no drift', async () => (await replica.samples('meshgate_configuration_drift')).length === 0)
    }
    for (const [reason, change] of [
      ['entry-missing', ([entry]) => Object.assign(entry ?? {}, { name: 'renamed.validate.meshgate.dev' })],
      ['ca-bundle', ([entry]) => delete entry?.clientConfig.caBundle],
      ['namespace-selector-widened', ([entry]) => Object.assign(entry ?? {}, { namespaceSelector: {} })],
      ['object-selector', ([entry]) => Object.assign(entry ?? {}, { objectSelector: { matchLabels: { a: 'b' } } })],
      ['failure-policy', ([entry]) => Object.assign(entry ?? {}, { failurePolicy: 'Ignore' })],
      ['service', ([entry]) => Object.assign(entry?.clientConfig.service ?? {}, { name: 'other' })],
    ] as readonly (readonly [string, (webhooks: LiveWebhooks) => void])[]) {
      await edit(cluster, 'validating', change)
      const line = `meshgate_configuration_drift{configuration="${own.validating}",reason="${reason}"} 1`
      await isMet(replica, 'meshgate_configuration_drift', line)
      t.pass(reason)
      await restore()
    }
    await edit(cluster, 'validating', (webhooks) => {
      for (const webhook of webhooks) if (webhook.name.startsWith('canary')) webhook.name = 'other.meshgate.dev'
      webhooks.splice(0, webhooks.length, ...webhooks.filter(({ name }) => name !== 'other.meshgate.dev'))
    })
    await isAnswered(0)
    await restore()
    await isAnswered(1)
    await cluster.request('DELETE', path)
    await isMet(
      replica,
      'meshgate_configuration_drift',
      `meshgate_configuration_drift{configuration="${own.validating}",reason="missing"} 1`,
    )
    await isAnswered(0)
    const { resourceVersion: _version, uid: _uid, ...metadata } = whole.metadata
    await create(cluster, { ...whole, metadata })
    await isAnswered(1)
    manager.resumeInjector()
  })

  await t.test('of two replicas, the one that is stuck on the old pair tells, and the other answers', async (t) => {
    const old = await certificates.secret('meshgate-tls')
    const stuck = await startWatching(cluster, { pod: 'meshgate-b', pair: old })
    closing.unshift(() => stuck.stop())
    const service = await startBalancer()
    service.route([replica.port, stuck.port])
    closing.unshift(() => service.close())
    await lead(cluster, service.port)
    await until('answers of both', async () => {
      await shakeHandsAnew(cluster)
      const lines = await replica.samples('meshgate_canary_responder')
      return ['meshgate-a', 'meshgate-b'].every((pod) => lines.some((line) => line.includes(`"${pod}"`)))
    })
    await isTrusted(1, stuck)
    manager.pauseInjector()
    await certificates.renew('meshgate-ca')
    const secret = await certificates.renew('meshgate-tls')
    await setBundle(cluster, secret.ca)
    await mount(secret)
    await isServed(secret)
    await isTrusted(1)
    await isTrusted(0, stuck)
    await until('the stuck one not being ready', async () => (await stuck.ready()).status === 503)
    t.equal((await replica.ready()).status, 200)
    stuck.mount(secret)
    await stuck.reload()
    await isTrusted(1, stuck)
    manager.resumeInjector()
    await lead(cluster, replica.port)
    await isAnswered(1)
  })

  await t.test('it lets in the API server by its client certificate, and nobody else', async (t) => {
    const secret = await certificates.secret('meshgate-tls')
    const caFile = join(folder, 'clients.pem')
    for (const [what, authority, names, answered] of [
      ['the right name', clientCa, ['kube-apiserver'], 1],
      ['another name', clientCa, ['somebody'], 0],
      ['another CA', makeCertificate({ commonName: 'client CA' }), ['kube-apiserver'], 0],
    ] as const) {
      writeFileSync(caFile, authority.cert)
      const guarded = await startWatching(cluster, { pod: 'meshgate-c', pair: secret, clients: { caFile, names } })
      await lead(cluster, guarded.port)
      await isTrusted(1, guarded)
      await isAnswered(answered, guarded)
      t.equal((await guarded.ready()).status, 200, `${what}: its health needs no certificate`)
      if (answered) {
        const renewed = await certificates.renew('meshgate-tls')
        guarded.mount(renewed)
        await guarded.reload()
        await shakeHandsAnew(cluster)
        await isAnswered(1, guarded)
        t.equal(await servedBy(guarded.port), fingerprintOf(renewed), `${what}: also with a new certificate`)
      }
      await guarded.stop()
      t.pass(what)
    }
    await lead(cluster, replica.port)
  })

  await t.test('it says that it may not send a canary, and goes on', async (t) => {
    const { status } = await cluster.kubectl(['-n', 'meshgate', 'delete', 'rolebinding', 'meshgate-canary'])
    t.equal(status, 0)
    await until('the lack of the right', async () => (await sum('meshgate_canary_total{result="no-right"}')) > 1)
    t.same(await replica.samples('meshgate_canary_success'), [])
    t.equal(replica.log.filter((line) => line.includes('(no-right)')).length, 1)
    const { status: ready, body } = await replica.ready()
    t.match([ready, body], [200, /^canary: unknown: no-right: configmaps is forbidden: User /m])
    await isTrusted(1)
  })

  t.same(
    replica.log.filter((line) => /unhandled|PRIVATE KEY|a look at itself failed/.test(line)),
    [],
  )
})
