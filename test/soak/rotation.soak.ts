import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { skipWithout } from '../e2e/kit.ts'
import { ecdsa, shakeHandsAnew } from '../e2e/own-registration.ts'
import { startRotation } from '../e2e/rotation-story.ts'
import { fingerprintOf } from '../e2e/served-leaf.ts'

/*
 * Rotation for long: every order in which a leaf, its CA and the caBundle can change with cert-manager's defaults, again and
 * again under load. ROTATIONS says how many leaves, RATE how many calls a second; MESHGATE_KIT_BIN as for the end-to-end tests.
 */

const skip = skipWithout('etcd, kube-apiserver and cert-manager-lab')
const rotations = Number(process.env['ROTATIONS'] ?? 200)
const rate = Number(process.env['RATE'] ?? 50)

/** The 1st to 7th only renew the leaf, the 8th and 9th get a CA with the same key, the 10th one with a new key. */
const round = 10

t.test(`${rotations} rotations`, { skip, timeout: 3_600_000 }, async (t) => {
  const story = await startRotation(t)
  const {
    cluster,
    manager,
    certificates,
    loadOf,
    mount,
    isServed,
    isTrusted,
    isAuthorityIn,
    fingerprintServed,
    sum,
    replica,
  } = story
  await isTrusted(1)
  const distrusted = await sum('meshgate_trust_probe_failures_total')
  const filesBefore = openFiles()
  const load = loadOf(t, 'shop', rate)
  const delay = monitorEventLoopDelay()
  delay.enable()
  const sizes: { readonly rssMiB: number; readonly files: number }[] = []
  for (let rotation = 1; rotation <= rotations; rotation++) {
    const step = rotation % round
    const makesNewKey = step === 0
    const renewsCa = step === 8 || step === 9 || makesNewKey
    const fileFirst = Math.floor(rotation / round) % 2 === 0
    if (renewsCa) {
      await certificates.change('meshgate-ca', {
        privateKey: { ...ecdsa, rotationPolicy: makesNewKey ? 'Always' : 'Never' },
      })
      if (fileFirst) manager.pauseInjector()
      await certificates.renew('meshgate-ca')
    }
    const secret = await certificates.renew('meshgate-tls')
    if (fileFirst) {
      await mount(secret)
      await shakeHandsAnew(cluster)
      const isServedNow = (await fingerprintServed()) === fingerprintOf(secret)
      if (isServedNow === makesNewKey) t.fail(`rotation ${rotation}: ${isServedNow ? 'served' : 'waits'}`)
      manager.resumeInjector()
    } else {
      await isAuthorityIn(secret)
      await mount(secret)
    }
    await isServed(secret)
    await shakeHandsAnew(cluster)
    if (rotation % 20 === 0) {
      sizes.push({
        rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
        files: openFiles(),
      })
      t.comment(`${rotation} rotations, ${load.failures().length} failures, ${JSON.stringify(sizes.at(-1))}`)
      const [failure] = load.failures()
      if (failure !== undefined) t.comment(failure.said)
    }
  }
  const { calls, failures, rate: reached } = await load.stop()
  t.comment(`${calls} calls, ${reached} a second, during ${rotations} rotations`)
  t.comment(`the event loop waited ${Math.round(delay.max / 1e6)} ms at most: what else the machine does`)
  t.same(failures.slice(0, 10), [])
  t.equal(await sum('meshgate_certificate_reloads_total{result="swapped"}'), rotations)
  t.equal(await sum('meshgate_certificate_reloads_total{result="forced"}'), 0)
  t.equal(await sum('meshgate_trust_probe_failures_total'), distrusted)
  t.equal((await replica.ready()).status, 200)
  // An API server closes connections that nobody used for 90 s.
  for (const end = Date.now() + 150_000; openFiles() > filesBefore + 20 && Date.now() < end; ) await pause(1000)
  t.comment(`${filesBefore} descriptors before, ${openFiles()} afterwards`)
  t.ok(openFiles() <= filesBefore + 20)
})

const openFiles = () => readdirSync('/proc/self/fd').length
