import t from 'tap'
import { PairError, provePair } from '../../src/server/certificate-pair.ts'
import { ecKey, type Made, makeCertificate, rsaKey, usages, type Wish } from './make-certificate.ts'

const name = 'meshgate.shop.svc'
const rsa = rsaKey()
const ec = ecKey()
const ca = makeCertificate({ commonName: 'test CA', key: rsa })
const ecCa = makeCertificate({ commonName: 'test EC CA', key: ec })
const now = new Date()
const hour = 3_600_000

const leaf = (wish: Wish = {}): Made => makeCertificate({ names: [name], issuer: ca, commonName: 'leaf', ...wish })

const whyRefused = async (pair: { cert: string; key: string }, names = [name]): Promise<string> => {
  try {
    await provePair(pair, names, now)
    return 'served'
  } catch (error) {
    if (!(error instanceof PairError)) throw error
    return `${error.reason}: ${error.message}`
  }
}

const good: readonly (readonly [what: string, pair: { cert: string; key: string }, names?: string[]])[] = [
  ['an EC leaf of an RSA CA', leaf()],
  ['an RSA leaf of an EC CA', leaf({ key: rsa, issuer: ecCa })],
  ['a leaf that is its own CA', makeCertificate({ names: [name] })],
  ['a leaf for servers', leaf({ usages: [usages.client, usages.server] })],
  ['a leaf for any purpose', leaf({ usages: [usages.any] })],
  ['a chain', { ...leaf(), cert: leaf({ key: ec }).cert + ca.cert, key: leaf({ key: ec }).key }],
  ['text around the certificate', { ...leaf({ key: ec }), cert: `subject=x\n${leaf({ key: ec }).cert}\ntrailing` }],
  ['a wildcard', leaf({ names: ['*.shop.svc'] })],
  ['an address', leaf({ names: ['127.0.0.1', name] }), ['127.0.0.1', name]],
  ['no name asked for', leaf({ names: ['127.0.0.1'] }), []],
]

t.test('it proves a pair that a Go client accepts, and answers its leaf', async (t) => {
  for (const [what, pair, names] of good) t.equal(await whyRefused(pair, names), 'served', what)
  const pair = leaf({ notAfter: new Date(now.getTime() + hour) })
  t.equal((await provePair(pair, [name], now)).validToDate.getTime(), Math.floor((now.getTime() + hour) / 1000) * 1000)
})

const own = leaf({ key: ec })
const sealed = ec.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString()
const bad: readonly (readonly [what: string, pair: { cert: string; key: string }, reason: string])[] = [
  ['the wrong name', leaf({ names: ['meshgate.other.svc'] }), 'san'],
  ['a wildcard in the wrong place', leaf({ names: ['*.svc'] }), 'san'],
  ['a common name alone', leaf({ names: [], commonName: name }), 'no-san'],
  ['a leaf for clients', leaf({ usages: [usages.client] }), 'usage'],
  ['a leaf of tomorrow', leaf({ notBefore: new Date(now.getTime() + hour) }), 'not-yet-valid'],
  ['a leaf of yesterday', leaf({ notAfter: new Date(now.getTime() - hour / 100) }), 'expired'],
  ['a negative serial', leaf({ serial: Buffer.from([0x80, 1, 2, 3]) }), 'serial'],
  ['a SHA-1 signature', leaf({ digest: 'sha1' }), 'weak-signature'],
  ['RSA of 1024 bits', leaf({ key: rsaKey(1024) }), 'weak-key'],
  ['an EC certificate and another EC key', { cert: own.cert, key: leaf().key }, 'mismatch'],
  ['an EC certificate and an RSA key', { cert: own.cert, key: ca.key }, 'mismatch'],
  ['an RSA certificate and an EC key', { cert: leaf({ key: rsa }).cert, key: own.key }, 'mismatch'],
  ['an encrypted key', { cert: own.cert, key: sealed }, 'encrypted-key'],
  [
    'an encrypted key of the older form',
    {
      cert: own.cert,
      key: '-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n-----END EC PRIVATE KEY-----\n',
    },
    'encrypted-key',
  ],
  ['a chain in reverse', { cert: ca.cert + own.cert, key: own.key }, 'mismatch'],
  [
    'a garbage block',
    { cert: `${own.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`, key: own.key },
    'unreadable',
  ],
  ['a chain that breaks off', { cert: own.cert + ca.cert.slice(0, 400), key: own.key }, 'unreadable'],
  ['a certificate that breaks off', { cert: own.cert.slice(0, 200), key: own.key }, 'unreadable'],
  ['an empty certificate', { cert: '', key: own.key }, 'no-certificate'],
  ['a key for a certificate', { cert: own.key, key: own.key }, 'no-certificate'],
  ['an empty key', { cert: own.cert, key: '' }, 'unreadable-key'],
  ['a key that breaks off', { cert: own.cert, key: own.key.slice(0, 100) }, 'unreadable-key'],
  ['a certificate for a key', { cert: own.cert, key: own.cert }, 'unreadable-key'],
  ['a chain larger than any', { cert: own.cert + '\n'.repeat(95_000), key: own.key }, 'size'],
  ['a key larger than any', { cert: own.cert, key: own.key + '\n'.repeat(13_000) }, 'size'],
  ['a weak certificate further up', { cert: own.cert + leaf({ digest: 'sha1' }).cert, key: own.key }, 'weak-signature'],
]

t.test('it refuses each other one with a reason of its own', async (t) => {
  for (const [what, pair, reason] of bad) t.match(await whyRefused(pair), new RegExp(`^${reason}: .`), what)
})

t.test('it says nothing of the key itself', async (t) => {
  for (const [what, pair] of bad) {
    const secret = pair.key.split('\n').find((line) => line.length === 64) ?? pair.key.slice(28, 60)
    if (secret.trim() !== '') t.notOk((await whyRefused(pair)).includes(secret), what)
  }
})
