import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** What a certificate should look like. Everything may be wrong: that is what it is for. */
export interface Wish {
  /** DNS names and IPv4 addresses; none leaves subjectAltName out. */
  readonly names?: readonly string[]
  readonly commonName?: string
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** The content of the INTEGER: with the top bit set it is negative. */
  readonly serial?: Uint8Array
  readonly digest?: 'sha256' | 'sha1'
  /** OIDs of the extended key usage; none leaves the extension out. */
  readonly usages?: readonly string[]
  readonly key?: KeyObject
  /** Who signs; without, it signs itself and is a CA. */
  readonly issuer?: Made
}

/** A certificate and its key: PEM, and as an issuer. */
export interface Made {
  readonly cert: string
  readonly key: string
  readonly commonName: string
  readonly privateKey: KeyObject
}

export const usages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2', any: '2.5.29.37.0' }

export const ecKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
export const rsaKey = (modulusLength = 2048): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey

/** A certificate by RFC 5280, written byte by byte: libraries refuse to make wrong ones, and node-forge any EC one. */
export function makeCertificate(wish: Wish): Made {
  const { names = [], commonName = 'meshgate test', usages = [], digest = 'sha256', issuer } = wish
  const now = Date.now()
  const { notBefore = new Date(now - 60_000), notAfter = new Date(now + 3_600_000) } = wish
  const { serial = Buffer.from([0x40, ...randomBytes(15)]) } = wish
  const privateKey = wish.key ?? ecKey()
  const signer = issuer?.privateKey ?? privateKey
  const algorithm =
    signer.asymmetricKeyType === 'ec'
      ? sequence(oid(digest === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'))
      : sequence(oid(digest === 'sha1' ? '1.2.840.113549.1.1.5' : '1.2.840.113549.1.1.11'), der(0x05))
  const extensions = [
    extension('2.5.29.19', issuer ? sequence() : sequence(der(0x01, Buffer.from([0xff])))),
    ...(names.length > 0 ? [extension('2.5.29.17', sequence(...names.map(generalName)))] : []),
    ...(usages.length > 0 ? [extension('2.5.29.37', sequence(...usages.map(oid)))] : []),
  ]
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    distinguishedName(issuer?.commonName ?? commonName),
    sequence(time(notBefore), time(notAfter)),
    distinguishedName(commonName),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign(digest, toBeSigned, signer)
  return {
    cert: pem(sequence(toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    commonName,
    privateKey,
  }
}

/** Tag, length, content (X.690). */
function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...contents: readonly Uint8Array[]): Buffer => der(0x30, ...contents)

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80)
    return groups
  })
  return der(0x06, Buffer.from(bytes))
}

function extension(id: string, value: Uint8Array): Buffer {
  return sequence(oid(id), der(0x04, value))
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(commonName)))))
}

/** dNSName [2] or iPAddress [7]. */
function generalName(name: string): Buffer {
  return isIPv4(name) ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name))
}

function time(date: Date): Buffer {
  return der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-T:]/g, '')}Z`))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
