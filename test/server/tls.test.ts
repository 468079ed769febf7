import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readPair } from '../../src/server/certificate-files.ts'
import type { CertificatePair } from '../../src/server/certificate-pair.ts'
import { createReloader, type Reload, tlsOptions } from '../../src/server/tls.ts'
import { ecKey, type Made, makeCertificate, rsaKey, usages, type Wish } from './make-certificate.ts'
import { makeVolume } from './volume.ts'

const name = 'meshgate.shop.svc'
const key = rsaKey()
const ca = makeCertificate({ commonName: 'test CA', key })
const leaf = (wish: Wish = {}): Made => makeCertificate({ names: [name], issuer: ca, key, commonName: 'leaf', ...wish })

/** A volume that is watched over, what is served from it, and the moment. */
async function renewal(first: CertificatePair) {
  const volume = makeVolume(first)
  const served = { cert: first.cert, at: new Date() }
  const { hash } = await readPair(volume)
  const reloader = createReloader({
    read: () => readPair(volume),
    hash,
    names: [name],
    serve: ({ cert }, proven) => {
      t.equal(proven.fingerprint256, new X509Certificate(cert).fingerprint256)
      served.cert = cert
    },
    now: () => served.at,
  })
  return { volume, served, ...reloader }
}

const outcome = (reload: Reload): string => (typeof reload === 'string' ? reload : reload.failed)

t.test('it serves each new pair, and only a new one', async (t) => {
  const { volume, served, poll } = await renewal(leaf())
  t.teardown(volume.remove)
  t.equal(await poll(), 'unchanged')
  for (const next of [leaf(), leaf({ key: ecKey() }), leaf()]) {
    volume.write(next)
    t.equal(await poll(), 'swapped')
    t.equal(served.cert, next.cert)
    t.equal(await poll(), 'unchanged')
  }
})

t.test('it keeps the pair it serves, for a reason of each bad one, and recovers', async (t) => {
  const first = leaf()
  const { volume, served, poll } = await renewal(first)
  t.teardown(volume.remove)
  const hour = 3_600_000
  const now = Date.now()
  for (const [reason, pair] of [
    ['san', leaf({ names: ['meshgate.other.svc'] })],
    ['no-san', leaf({ names: [] })],
    ['usage', leaf({ usages: [usages.client] })],
    ['not-yet-valid', leaf({ notBefore: new Date(now + hour) })],
    ['expired', leaf({ notAfter: new Date(now - 1000) })],
    ['serial', leaf({ serial: Buffer.from([0xff, 1]) })],
    ['weak-signature', leaf({ digest: 'sha1' })],
    ['weak-key', leaf({ key: rsaKey(1024) })],
    ['mismatch', { cert: leaf({ key: ecKey() }).cert, key: first.key }],
    ['no-certificate', { cert: '', key: '' }],
  ] as const) {
    volume.write(pair)
    t.equal(outcome(await poll()), reason)
    t.equal(outcome(await poll()), reason, 'as often as it looks')
    t.equal(served.cert, first.cert)
  }
  volume.write(first)
  t.equal(await poll(), 'unchanged', 'the one that is served is back')
  const next = leaf()
  volume.write(next)
  t.equal(await poll(), 'swapped')
  t.equal(served.cert, next.cert)
})

t.test('it serves a pair as soon as it is valid', async (t) => {
  const { volume, served, poll } = await renewal(leaf())
  t.teardown(volume.remove)
  const later = new Date(Date.now() + 3_600_000)
  const next = leaf({ notBefore: later, notAfter: new Date(later.getTime() + 3_600_000) })
  volume.write(next)
  t.equal(outcome(await poll()), 'not-yet-valid')
  served.at = new Date(later.getTime() + 1000)
  t.equal(await poll(), 'swapped')
  t.equal(served.cert, next.cert)
})

t.test('it outlives files that are gone, and a folder it may not read', async (t) => {
  const { volume, served, poll } = await renewal(leaf())
  const next = leaf()
  t.teardown(() => {
    chmodSync(volume.folder, 0o700)
    volume.remove()
  })
  renameSync(volume.folder, `${volume.folder}.away`)
  t.equal(outcome(await poll()), 'unreadable')
  mkdirSync(volume.folder)
  t.equal(outcome(await poll()), 'unreadable')
  // Root reads everything; a file in place of a file's folder stands in for that case.
  writeFileSync(volume.certFile, '')
  t.equal(outcome(await poll()), 'unreadable')
  chmodSync(volume.folder, 0o000)
  t.equal(outcome(await poll()), 'unreadable')
  chmodSync(volume.folder, 0o700)
  renameSync(volume.folder, `${volume.folder}.bad`)
  renameSync(`${volume.folder}.away`, volume.folder)
  t.equal(await poll(), 'unchanged')
  volume.write(next)
  t.equal(await poll(), 'swapped')
  t.equal(served.cert, next.cert)
})

t.test('it looks again after the look that is under way', async (t) => {
  const pairs = [leaf(), leaf()].map((made, i) => ({ ...made, hash: String(i) }))
  const served: string[] = []
  const reloader = createReloader({
    read: async () => {
      const pair = pairs.shift()
      if (!pair) throw new Error('nothing left')
      return pair
    },
    hash: '',
    names: [],
    serve: ({ cert }) => served.push(cert),
    now: () => new Date(),
  })
  const inOrder = pairs.map(({ cert }) => cert)
  t.same(await Promise.all([reloader.poll(), reloader.poll()]), ['swapped', 'swapped'])
  t.same(served, inOrder)
})

t.test('it serves on where TLS does not take a pair after all', async (t) => {
  const pair = { ...leaf(), hash: 'new' }
  const reloader = createReloader({
    read: async () => pair,
    hash: 'old',
    names: [],
    serve: () => {
      throw new Error('refused')
    },
    now: () => new Date(),
  })
  t.same(await reloader.poll(), { failed: 'error', message: 'refused' })
  t.same(await reloader.poll(), { failed: 'error', message: 'refused' }, 'it was not taken for served')
})

t.test('it tells TLS everything each time', async (t) => {
  const { cert, key } = leaf()
  t.match(tlsOptions({ cert, key }), { cert, key, minVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'] })
})
