import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { metricsAskedFor, metricsIn } from '../charts/metrics.ts'
import { done } from './apply.ts'
import { accepts, skipChart, startChartStory } from './chart-story.ts'
import { run } from './helm.ts'
import { names, tlsName } from './installation.ts'
import { bin } from './kit.ts'
import { policy } from './manifests.ts'

/*
 * The chart where there is no cert-manager. MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver, controllers, kubectl and
 * helm.
 */

t.test('the chart in a cluster without cert-manager', { skip: skipChart, timeout: 600_000 }, async (t) => {
  const story = await startChartStory(t)
  const { cluster, kubectl, create } = story
  const { release, install, upgrade, replica, bundles, verdict, judges, remains } = story

  await t.test('it says that cert-manager is missing, and has installed nothing', async (t) => {
    const { status, stderr } = await install({})
    t.equal(status, 1)
    t.match(stderr, /no matches for kind "Certificate" in version "cert-manager\.io\/v1"/)
    await release('uninstall', '--ignore-not-found')
    t.same(await remains(), [])
  })

  await t.test('it needs no cert-manager where there is a Secret: what it says is what to do', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'meshgate-ca-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const { cert, key, ca } = makeSelfSigned([tlsName], new Date())
    for (const [name, content] of Object.entries({ 'tls.crt': cert, 'tls.key': key, 'ca.crt': ca }))
      writeFileSync(join(folder, name), content)
    const files = [`--cert=${join(folder, 'tls.crt')}`, `--key=${join(folder, 'tls.key')}`]
    done(await kubectl(['create', 'secret', 'tls', 'serving', '-n', 'meshgate', ...files]))

    const installed = await install({ 'tls.mode': 'secret', 'tls.secret.name': 'serving' })
    accepts(t, installed, 'install')
    await replica.start()
    t.match((await verdict()).stderr, /failed calling webhook "policy.validate.meshgate.dev".*x509/s)

    const notes = installed.stdout.slice(installed.stdout.indexOf('NOTES:'))
    const commands = notes.split('\n').filter((line) => /^ {2}(?:CA=|kubectl patch )/.test(line))
    t.equal(commands.length, 3)
    const script = `cd ${folder}; PATH=${bin}:$PATH\n${commands.join('\n')}`
    accepts(t, await run('/bin/sh', ['-euc', script], cluster.kubeconfig), 'the commands of the notes')
    await judges()
    t.match((await verdict()).stderr, /denied the request: .*TCP 4143 is missing/s)

    const before = await bundles()
    accepts(t, await upgrade({ 'tls.mode': 'secret', 'tls.secret.name': 'serving', replicaCount: 3 }), 'upgrade')
    t.same(await bundles(), before, 'the upgrade leaves the caBundle alone')

    t.equal(await replica.stop(), 0, 'it ends by itself')
    accepts(t, await release('uninstall'), 'uninstall')
    t.same(await remains(), [])
    accepts(t, await create(policy('shop', 'bad'), '--dry-run=server'), 'nothing is refused any more')
    done(await kubectl(['delete', 'secret', 'serving', '-n', 'meshgate']))
  })

  await t.test('it needs neither cert-manager nor a Secret in self mode', async (t) => {
    accepts(t, await install({ 'tls.mode': 'self' }), 'install')
    await replica.start()
    await judges()
    const before = await bundles()
    t.equal(new Set(before).size, 1, 'one CA for every entry')
    accepts(t, await upgrade({ 'tls.mode': 'self', replicaCount: 3 }), 'upgrade')
    t.same(await bundles(), before, 'the upgrade leaves the caBundle alone')
    const as = ['--as', 'system:serviceaccount:meshgate:meshgate']
    for (const [verb, what, answer] of [
      ['get', 'secret/meshgate-tls', 'yes'],
      ['get', 'secret/other', 'no'],
      ['list', 'secrets', 'no'],
      ['patch', `validatingwebhookconfiguration/${names.validating}`, 'yes'],
      ['patch', 'validatingwebhookconfiguration/other', 'no'],
      ['delete', `validatingwebhookconfiguration/${names.validating}`, 'no'],
    ] as const)
      t.equal(
        (await kubectl(['auth', 'can-i', verb, what, '-n', 'meshgate', ...as])).stdout.trim(),
        answer,
        `${verb} ${what}`,
      )
    const standIn = replica.running()
    t.ok(standIn, 'a Pod answers')
    if (standIn) {
      const there = metricsIn(await (await fetch(`${standIn.health}/metrics`)).text())
      const asked = [...metricsAskedFor({ ofSelfMode: true }).values()].flat()
      t.same(
        asked.filter((name) => !there.has(name)),
        [],
        'alerts ask for what there is',
      )
    }
    t.equal(await replica.stop(), 0, 'it ends by itself')
    accepts(t, await release('uninstall'), 'uninstall')
    t.same(await remains(), [])
    accepts(t, await create(policy('shop', 'bad'), '--dry-run=server'), 'nothing is refused any more')
    accepts(
      t,
      await kubectl(['delete', 'secret', 'meshgate-tls', '-n', 'meshgate']),
      'what it made is there for the next time',
    )
  })
})
