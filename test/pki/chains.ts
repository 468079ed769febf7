import type { Distrust } from '../../src/linkerd/certificates/certificate.ts'
import { type Issued, issue, type KeyPair, makeKeys, pemOf, usage } from './issue.ts'

/*
 * Certificate chains a webhook may serve, each with the bundle it is judged by: what our verifier must say, and what the API
 * server does with a webhook that is configured so (test/e2e/certificates.e2e.ts).
 */

export interface Case {
  readonly what: string
  readonly chain: string
  readonly key: string
  readonly bundle: string
  /** `trusted`, or why not. */
  readonly expected: 'trusted' | Distrust
}

/** Two issuers of one name are sent, of which a handshake in Node shows one. */
export const unseen = 'a cross-signed intermediate, the second way known'

/** The name by which the API server calls the Service of these cases. */
export const dnsName = 'linkerd-proxy-injector.linkerd.svc'

const good = { dnsNames: [dnsName], usages: [usage.server] } as const

/**
 * Every case. Made at each call: seconds of RSA keys.
 *
 * @param now the middle of what is valid
 */
export function makeCases(now: Date): readonly Case[] {
  const at = (days: number) => new Date(now.getTime() + days * 24 * 3600 * 1000).toISOString()
  const valid = { notBefore: at(-30), notAfter: at(365) }
  const expired = { notBefore: at(-60), notAfter: at(-1) }
  const future = { notBefore: at(1), notAfter: at(60) }
  const root = (keys?: KeyPair, more: object = {}) =>
    issue({
      subject: 'root.linkerd.cluster.local',
      ca: true,
      keyUsage: '0000011',
      ...valid,
      ...(keys ? { keys } : {}),
      ...more,
    })
  const leaf = (by: Issued, more: object = {}) => issue({ subject: 'leaf', by, ...good, ...valid, ...more })
  const middle = (by: Issued, more: object = {}) =>
    issue({ subject: 'middle', by, ca: true, keyUsage: '0000011', ...valid, ...more })

  const cases: Case[] = []
  const add = (expected: Case['expected'], what: string, served: Issued, bundle: string, rest = '') =>
    cases.push({ what, chain: served.pem + rest, key: served.key, bundle, expected })

  const ec = root()
  const other = issue({ subject: 'other.linkerd.cluster.local', ca: true, ...valid })
  const ecLeaf = leaf(ec)

  // Algorithms.
  add('trusted', 'ECDSA P-256', ecLeaf, ec.pem)
  for (const kind of ['rsa', 'p384', 'p521', 'ed25519'] as const) {
    const keys = makeKeys(kind)
    const ca = root(keys)
    add('trusted', `${kind} throughout`, leaf(ca, { keys: makeKeys(kind) }), ca.pem)
  }
  const rsa = root(makeKeys('rsa'))
  const rsaKeys = makeKeys('rsa')
  add('trusted', 'an RSA leaf of an ECDSA root', leaf(ec, { keys: rsaKeys }), ec.pem)
  add('trusted', 'RSA-PSS with SHA-256', leaf(rsa, { pss: true }), rsa.pem)
  add('trusted', 'RSA with SHA-384', leaf(rsa, { hash: 'sha384' }), rsa.pem)
  add('algorithm', 'RSA with SHA-1', leaf(rsa, { hash: 'sha1' }), rsa.pem)
  add('algorithm', 'RSA with MD5', leaf(rsa, { hash: 'md5' }), rsa.pem)
  add('algorithm', 'ECDSA with SHA-1', leaf(ec, { hash: 'sha1' }), ec.pem)
  const sha1Root = root(makeKeys('rsa'), { hash: 'sha1' })
  add('trusted', 'a root that signed itself with SHA-1', leaf(sha1Root), sha1Root.pem)
  const short = root(makeKeys('rsa1024'))
  add('trusted', 'a root of RSA 1024', leaf(short), short.pem)
  add('trusted', 'a leaf of RSA 1024', leaf(ec, { keys: makeKeys('rsa1024') }), ec.pem)
  const tiny = root(makeKeys('rsa512'))
  add('algorithm', 'a root of RSA 512', leaf(tiny), tiny.pem)
  const ed448 = root(makeKeys('ed448'))
  add('unknown-authority', 'a root of Ed448', leaf(ed448), ed448.pem)
  const k256 = root(makeKeys('k256'))
  add('malformed', 'a root on secp256k1', leaf(k256), k256.pem)
  add('trusted', 'a root on secp256k1 beside the right one', ecLeaf, k256.pem + ec.pem)
  add('malformed', 'a leaf on secp256k1', leaf(ec, { keys: makeKeys('k256') }), ec.pem)
  const p224 = root(makeKeys('p224'))
  add('trusted', 'a root on P-224', leaf(p224), p224.pem)

  // Names.
  const named = (dnsNames: readonly string[]) => leaf(ec, { dnsNames })
  add('name', 'another name', named(['linkerd-proxy-injector.other.svc']), ec.pem)
  add('name', 'the common name alone', issue({ subject: dnsName, by: ec, usages: [usage.server], ...valid }), ec.pem)
  add('trusted', 'one of several names', named(['a.example', dnsName]), ec.pem)
  add('trusted', 'the name in capitals', named([dnsName.toUpperCase()]), ec.pem)
  add('trusted', 'a wildcard for the Service', named(['*.linkerd.svc']), ec.pem)
  add('name', 'a wildcard that spans two labels', named(['*.svc']), ec.pem)
  add('name', 'a wildcard within a label', named(['linkerd-*.linkerd.svc']), ec.pem)
  add('name', 'the name with cluster.local', named([`${dnsName}.cluster.local`]), ec.pem)
  add('name', 'a final dot', named([`${dnsName}.`]), ec.pem)

  // Time.
  add('expired', 'an expired leaf', leaf(ec, expired), ec.pem)
  add('not-yet-valid', 'a leaf of tomorrow', leaf(ec, future), ec.pem)
  const oldRoot = root(ec, expired)
  add('authority-expired', 'an expired root', ecLeaf, oldRoot.pem)
  add('trusted', 'an expired root and its renewal with the same key', ecLeaf, oldRoot.pem + ec.pem)
  const newRoot = root()
  add('trusted', 'old and new root of one name, leaf of the new', leaf(newRoot), ec.pem + newRoot.pem)
  add('trusted', 'old and new root of one name, leaf of the old', ecLeaf, newRoot.pem + ec.pem)
  add('unknown-authority', 'a new root with a new key, the leaf still of the old', ecLeaf, newRoot.pem)
  add('authority-expired', 'a root of tomorrow', ecLeaf, root(ec, future).pem)

  // Ways.
  const inter = middle(ec)
  const interLeaf = leaf(inter)
  add('trusted', 'an intermediate that is served', interLeaf, ec.pem, inter.pem)
  add('unknown-authority', 'an intermediate that is not served', interLeaf, ec.pem)
  add('trusted', 'an intermediate in the bundle alone', interLeaf, inter.pem)
  add('authority-expired', 'an expired intermediate', interLeaf, ec.pem, middle(ec, { ...expired, keys: inter }).pem)
  const crossed = middle(other, { keys: inter })
  add('trusted', unseen, interLeaf, other.pem, inter.pem + crossed.pem)
  add(
    'unknown-authority',
    'a cross-signed intermediate, neither way known',
    interLeaf,
    newRoot.pem,
    inter.pem + crossed.pem,
  )
  const loopA = issue({ subject: 'a', by: { subject: 'b', privateKey: other.privateKey }, ca: true, ...valid })
  const loopB = issue({ subject: 'b', by: loopA, keys: other, ca: true, ...valid })
  add('unknown-authority', 'two that certify each other', leaf(loopA), ec.pem, loopA.pem + loopB.pem)
  add('unknown-authority', 'another authority', ecLeaf, other.pem)
  add('unknown-authority', 'a forged signature', leaf(ec, { forged: true }), ec.pem)
  add(
    'trusted',
    'many alien roots of the right name before the right one',
    ecLeaf,
    Array.from({ length: 40 }, () => root().pem).join('') + ec.pem,
  )

  // The default of Linkerd: the certificate is its own bundle.
  const self = issue({ subject: dnsName, ...good, ...valid })
  add('trusted', 'a self-signed leaf that is its own bundle', self, self.pem)
  add(
    'unknown-authority',
    'a self-signed leaf and another render of it',
    self,
    issue({ subject: dnsName, ...good, ...valid, ca: true }).pem,
  )
  add(
    'unknown-authority',
    'a self-signed leaf renewed with the same key',
    self,
    issue({ subject: dnsName, keys: self, ...good, ...valid, serial: [7] }).pem,
  )
  const selfOld = issue({ subject: dnsName, ...good, ...expired })
  add('expired', 'an expired self-signed leaf', selfOld, selfOld.pem)

  // What an authority may do.
  const unmarked = issue({ subject: 'root.linkerd.cluster.local', basicConstraints: false, ...valid })
  add('authority-unusable', 'a root without basic constraints', leaf(unmarked), unmarked.pem)
  const ancient = issue({ subject: 'root.linkerd.cluster.local', v1: true, ...valid })
  add('trusted', 'a root of version 1', leaf(ancient), ancient.pem)
  const ancientMiddle = issue({ subject: 'middle', by: ec, v1: true, ...valid })
  add('authority-unusable', 'an intermediate of version 1', leaf(ancientMiddle), ec.pem, ancientMiddle.pem)
  const mute = root(undefined, { keyUsage: '1' })
  add('authority-unusable', 'a root whose key may not sign certificates', leaf(mute), mute.pem)
  const shallow = root(undefined, { pathLength: 0 })
  const deep = middle(shallow)
  add('authority-unusable', 'an intermediate where the path length is 0', leaf(deep), shallow.pem, deep.pem)
  add('trusted', 'a path length of 0 without an intermediate', leaf(shallow), shallow.pem)
  const within = root(undefined, { permitted: ['linkerd.svc'] })
  add('trusted', 'name constraints that permit the name', leaf(within), within.pem)
  const outside = root(undefined, { permitted: ['.example'] })
  add('authority-unusable', 'name constraints that do not permit the name', leaf(outside), outside.pem)
  const excluding = root(undefined, { excluded: ['svc'] })
  add('authority-unusable', 'name constraints that exclude the name', leaf(excluding), excluding.pem)

  // Usages.
  add('trusted', 'no extended key usage', leaf(ec, { usages: undefined }), ec.pem)
  add('trusted', 'any extended key usage', leaf(ec, { usages: [usage.any] }), ec.pem)
  add('usage', 'client authentication alone', leaf(ec, { usages: [usage.client] }), ec.pem)
  add('trusted', 'client and server authentication', leaf(ec, { usages: [usage.client, usage.server] }), ec.pem)
  const clients = root(undefined, { usages: [usage.client] })
  add('usage', 'a root for clients alone', leaf(clients), clients.pem)
  add('trusted', 'a leaf whose key usage is signing certificates', leaf(ec, { keyUsage: '000001' }), ec.pem)

  // Encodings.
  add('extension', 'an unknown critical extension', leaf(ec, { unknownCritical: '1.2.3.4' }), ec.pem)
  const odd = root(undefined, { unknownCritical: '1.2.3.4' })
  add('extension', 'a root with an unknown critical extension', leaf(odd), odd.pem)
  add('malformed', 'a negative serial number', leaf(ec, { serial: [0x91, 0x22] }), ec.pem)
  add('malformed', 'a root whose serial number has a needless zero', ecLeaf, root(ec, { serial: [0x00, 0x22] }).pem)
  add('trusted', 'a serial number of 30 bytes', leaf(ec, { serial: Array(30).fill(0x11) }), ec.pem)
  add('malformed', 'an extension twice', leaf(ec, { twice: true }), ec.pem)
  add('malformed', 'a root with a negative serial number', ecLeaf, root(ec, { serial: [0x91] }).pem)
  add(
    'trusted',
    'a broken certificate beside the right root',
    ecLeaf,
    pemOf('CERTIFICATE', Buffer.from('broken')) + ec.pem,
  )
  add('trusted', 'text around the blocks', ecLeaf, `# the root\n${ec.pem}\nthe end\n`)
  add('trusted', 'line ends of Windows', ecLeaf, ec.pem.replaceAll('\n', '\r\n'))
  add('trusted', 'a root that is cut off, before the whole one', ecLeaf, ec.pem.slice(0, 200) + '\n' + ec.pem)
  add('trusted', 'the root among other blocks', ecLeaf, other.key + ec.pem)
  return cases
}

/** Bundles from which no certificate can be read, so that the API server calls nobody. */
export function brokenBundles(now: Date): readonly (readonly [what: string, bundle: string])[] {
  const valid = new Date(now.getTime() + 1e10).toISOString()
  const { pem, key } = issue({ subject: 'root', ca: true, notAfter: valid })
  return [
    ['indented PEM', pem.replaceAll(/^/gm, '  ')],
    ['a block that is cut off', pem.slice(0, 300)],
    ['a key instead of a certificate', key],
    ['text', 'not a certificate'],
    ['base64 of base64', Buffer.from(pem).toString('base64')],
    ['the label TRUSTED CERTIFICATE', pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    ['headers', pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n')],
    ['all in one line', `${pem.replaceAll('\n', ' ')}\n`],
    ['escaped line ends', pem.replaceAll('\n', '\\n')],
  ]
}
