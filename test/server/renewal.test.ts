import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import type { NextPair } from '../../src/pki/next-pair.ts'
import { pairInFiles } from '../../src/server/certificate-files.ts'
import { type CertificatePair, hashOf, type ReadPair } from '../../src/server/certificate-pair.ts'
import { createRenewal, type Renewed } from '../../src/server/renewal.ts'
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
  const next = createRenewal({
    source: pairInFiles(volume),
    first: proven({ ...first, hash: hashOf(first) }),
    names: [name],
    weigh: () => ({ as: 'swap' }),
    serve: ({ cert }) => {
      served.cert = cert
    },
    now: () => served.at,
  })
  const look = async () => {
    const result = await next.look()
    t.equal(next.served().pair.cert, served.cert)
    t.equal(next.served().leaf.fingerprint256, new X509Certificate(served.cert).fingerprint256)
    return outcome(result)
  }
  return { volume, served, look }
}

const proven = (pair: ReadPair) => ({ pair, leaf: new X509Certificate(pair.cert) })

const outcome = (result: Renewed): string => (result.as === 'refused' ? result.reason : result.as)

t.test('it serves each new pair, and only a new one', async (t) => {
  const { volume, served, look } = await renewal(leaf())
  t.teardown(volume.remove)
  t.equal(await look(), 'unchanged')
  for (const next of [leaf(), leaf({ key: ecKey() }), leaf()]) {
    volume.write(next)
    t.equal(await look(), 'swapped')
    t.equal(served.cert, next.cert)
    t.equal(await look(), 'unchanged')
  }
})

t.test('it keeps the pair it serves, for a reason of each bad one, and recovers', async (t) => {
  const first = leaf()
  const { volume, served, look } = await renewal(first)
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
    t.equal(await look(), reason)
    t.equal(await look(), reason, 'as often as it looks')
    t.equal(served.cert, first.cert)
  }
  volume.write(first)
  t.equal(await look(), 'unchanged', 'the one that is served is back')
  const next = leaf()
  volume.write(next)
  t.equal(await look(), 'swapped')
  t.equal(served.cert, next.cert)
})

t.test('it serves a pair as soon as it is valid', async (t) => {
  const { volume, served, look } = await renewal(leaf())
  t.teardown(volume.remove)
  const later = new Date(Date.now() + 3_600_000)
  const next = leaf({ notBefore: later, notAfter: new Date(later.getTime() + 3_600_000) })
  volume.write(next)
  t.equal(await look(), 'not-yet-valid')
  served.at = new Date(later.getTime() + 1000)
  t.equal(await look(), 'swapped')
  t.equal(served.cert, next.cert)
})

t.test('it outlives files that are gone, and a folder it may not read', async (t) => {
  const { volume, served, look } = await renewal(leaf())
  const next = leaf()
  t.teardown(() => {
    chmodSync(volume.folder, 0o700)
    volume.remove()
  })
  renameSync(volume.folder, `${volume.folder}.away`)
  t.equal(await look(), 'unreadable')
  mkdirSync(volume.folder)
  t.equal(await look(), 'unreadable')
  // Root reads everything; a file in place of a file's folder stands in for that case.
  writeFileSync(volume.certFile, '')
  t.equal(await look(), 'unreadable')
  chmodSync(volume.folder, 0o000)
  t.equal(await look(), 'unreadable')
  chmodSync(volume.folder, 0o700)
  rmSync(volume.folder, { recursive: true })
  renameSync(`${volume.folder}.away`, volume.folder)
  t.equal(await look(), 'unchanged')
  volume.write(next)
  t.equal(await look(), 'swapped')
  t.equal(served.cert, next.cert)
})

const usual = {
  source: { read: async () => ({ ...leaf(), hash: 'new' }) },
  first: proven({ ...leaf(), hash: 'old' }),
  names: [],
  weigh: () => ({ as: 'swap' as const }),
  serve: () => {},
  now: () => new Date(),
}

t.test('it looks again after the look that is under way', async (t) => {
  const pairs = [leaf(), leaf()].map((made, i) => ({ ...made, hash: String(i) }))
  const served: string[] = []
  const inOrder = pairs.map(({ cert }) => cert)
  const { look } = createRenewal({
    ...usual,
    source: {
      async read() {
        const pair = pairs.shift()
        if (!pair) throw new Error('nothing left')
        return pair
      },
    },
    serve: ({ cert }) => served.push(cert),
  })
  t.same((await Promise.all([look(), look(), look()])).map(outcome), ['swapped', 'swapped', 'unreadable'])
  t.same(served, inOrder)
})

t.test('it serves on where TLS does not take a pair after all', async (t) => {
  const { look, served } = createRenewal({
    ...usual,
    serve: () => {
      throw new Error('refused')
    },
  })
  t.same(await look(), { as: 'refused', reason: 'error', message: 'refused' })
  t.same(await look(), { as: 'refused', reason: 'error', message: 'refused' }, 'it was not taken for served')
  t.equal(served().pair.hash, 'old')
})

t.test('it waits with a good pair as long as it is told to, and says how it went on', async (t) => {
  const served: string[] = []
  const verdicts: NextPair[] = [
    { as: 'defer', text: 'nobody trusts it' },
    { as: 'force', text: 'no time left' },
  ]
  const { look } = createRenewal({
    ...usual,
    weigh: () => verdicts.shift() ?? { as: 'swap' },
    serve: ({ cert }) => served.push(cert),
  })
  t.same(await look(), { as: 'deferred', message: 'nobody trusts it' })
  t.equal(served.length, 0)
  t.same(await look(), { as: 'forced', message: 'no time left' })
  t.equal(served.length, 1)
  t.same(await look(), { as: 'unchanged' })
})
