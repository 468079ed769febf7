import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/*
 * Makes certificates, right and wrong ones: no library agrees to write a negative serial number or an unknown critical
 * extension. DER by hand, signatures by node:crypto.
 */

export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export interface Issued extends KeyPair {
  readonly subject: string
  readonly pem: string
  /** PKCS#8 PEM. */
  readonly key: string
}

export interface Plan {
  readonly subject: string
  readonly keys?: KeyPair
  /** Who signs; without one, the certificate signs itself. */
  readonly by?: { readonly subject: string; readonly privateKey: KeyObject }
  readonly notBefore?: string
  readonly notAfter?: string
  readonly dnsNames?: readonly string[]
  readonly ca?: boolean
  readonly pathLength?: number
  /** Extended key usages as object identifiers. */
  readonly usages?: readonly string[]
  /** Bits of keyUsage, the first one is digitalSignature. */
  readonly keyUsage?: string
  readonly permitted?: readonly string[]
  readonly excluded?: readonly string[]
  /** An extension of this identifier that nobody knows. */
  readonly unknownCritical?: string
  readonly hash?: 'sha1' | 'sha256' | 'sha384' | 'md5'
  readonly pss?: boolean
  readonly serial?: readonly number[]
  readonly v1?: boolean
  readonly basicConstraints?: boolean
  readonly twice?: boolean
  /** Spoils the signature. */
  readonly forged?: boolean
}

/** id-kp-serverAuth, id-kp-clientAuth. */
export const usage = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2', any: '2.5.29.37.0' } as const

export function makeKeys(
  kind: 'rsa' | 'rsa1024' | 'rsa512' | 'p256' | 'p224' | 'p384' | 'p521' | 'k256' | 'ed25519' | 'ed448',
): KeyPair {
  switch (kind) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'rsa1024':
      return generateKeyPairSync('rsa', { modulusLength: 1024 })
    case 'rsa512':
      return generateKeyPairSync('rsa', { modulusLength: 512 })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    case 'ed448':
      return generateKeyPairSync('ed448')
    default:
      return generateKeyPairSync('ec', {
        namedCurve: { p256: 'P-256', p224: 'secp224r1', p384: 'P-384', p521: 'P-521', k256: 'secp256k1' }[kind],
      })
  }
}

export function issue(plan: Plan): Issued {
  const keys = plan.keys ?? makeKeys('p256')
  const signer = plan.by ?? { subject: plan.subject, privateKey: keys.privateKey }
  const algorithm = algorithmOf(signer.privateKey, plan)
  const extensions = plan.v1 ? [] : [tlv(0xa3, sequence(...extensionsOf(plan)))]
  const tbs = sequence(
    ...(plan.v1 ? [] : [tlv(0xa0, integer([2]))]),
    integer(plan.serial ?? [0x11, 0x22, 0x33, 0x44]),
    algorithm,
    name(signer.subject),
    sequence(time(plan.notBefore ?? '2026-01-01T00:00:00Z'), time(plan.notAfter ?? '2126-01-01T00:00:00Z')),
    name(plan.subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    ...extensions,
  )
  const signature = signatureOf(tbs, signer.privateKey, plan)
  if (plan.forged) signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1
  const der = sequence(tbs, algorithm, tlv(0x03, Buffer.concat([Buffer.of(0), signature])))
  return {
    ...keys,
    subject: plan.subject,
    pem: pemOf('CERTIFICATE', der),
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

export function pemOf(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function extensionsOf(plan: Plan): Buffer[] {
  const list: Buffer[] = []
  if (plan.basicConstraints ?? true) {
    const length = plan.pathLength === undefined ? [] : [integer([plan.pathLength])]
    list.push(extension('2.5.29.19', sequence(...(plan.ca ? [tlv(0x01, Buffer.of(0xff))] : []), ...length), true))
  }
  const bits = plan.keyUsage
  if (bits !== undefined) list.push(extension('2.5.29.15', bitString(bits), true))
  if (plan.usages) list.push(extension('2.5.29.37', sequence(...plan.usages.map(oid)), false))
  if (plan.dnsNames) list.push(extension('2.5.29.17', sequence(...plan.dnsNames.map(dns)), false))
  if (plan.permitted ?? plan.excluded) {
    const subtrees = (tag: number, names: readonly string[] | undefined) =>
      names ? [tlv(tag, Buffer.concat(names.map((one) => sequence(dns(one)))))] : []
    list.push(
      extension('2.5.29.30', sequence(...subtrees(0xa0, plan.permitted), ...subtrees(0xa1, plan.excluded)), true),
    )
  }
  if (plan.unknownCritical) list.push(extension(plan.unknownCritical, tlv(0x05, Buffer.alloc(0)), true))
  if (plan.twice) list.push(...list.slice(0, 1))
  return list
}

function extension(id: string, value: Buffer, critical: boolean): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.of(0xff))] : []), tlv(0x04, value))
}

function algorithmOf(key: KeyObject, { hash = 'sha256', pss }: Plan): Buffer {
  const none = tlv(0x05, Buffer.alloc(0))
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return sequence(oid('1.3.101.112'))
    case 'ed448':
      return sequence(oid('1.3.101.113'))
    case 'ec':
      return sequence(
        oid({ sha1: '1.2.840.10045.4.1', sha256: '1.2.840.10045.4.3.2', sha384: '1.2.840.10045.4.3.3', md5: '' }[hash]),
      )
    default:
      if (pss) {
        const sha256 = sequence(oid('2.16.840.1.101.3.4.2.1'), none)
        const mask = sequence(oid('1.2.840.113549.1.1.8'), sha256)
        return sequence(
          oid('1.2.840.113549.1.1.10'),
          sequence(tlv(0xa0, sha256), tlv(0xa1, mask), tlv(0xa2, integer([32]))),
        )
      }
      return sequence(oid(`1.2.840.113549.1.1.${{ md5: 4, sha1: 5, sha256: 11, sha384: 12 }[hash]}`), none)
  }
}

function signatureOf(tbs: Buffer, key: KeyObject, { hash = 'sha256', pss }: Plan): Buffer {
  if (key.asymmetricKeyType === 'ed25519' || key.asymmetricKeyType === 'ed448') return sign(null, tbs, key)
  // RSA_PKCS1_PSS_PADDING is 6.
  return sign(hash, tbs, pss ? { key, padding: 6, saltLength: 32 } : key)
}

function tlv(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function integer(bytes: readonly number[]): Buffer {
  return tlv(0x02, Buffer.from(bytes))
}

function bitString(bits: string): Buffer {
  const trimmed = bits.replace(/0+$/, '')
  const unused = (8 - (trimmed.length % 8)) % 8
  const bytes = (trimmed.padEnd(trimmed.length + unused, '0').match(/.{8}/g) ?? []).map((byte) =>
    Number.parseInt(byte, 2),
  )
  return tlv(0x03, Buffer.of(unused, ...bytes))
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const arcs = [40 * first + second, ...rest].flatMap((arc) => {
    const bytes = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) bytes.unshift((left & 0x7f) | 0x80)
    return bytes
  })
  return tlv(0x06, Buffer.from(arcs))
}

/** A name of one part, the common name; the empty text is the empty name. */
function name(text: string): Buffer {
  if (text === '') return sequence()
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(text)))))
}

function dns(text: string): Buffer {
  return tlv(0x82, Buffer.from(text, 'latin1'))
}

function time(iso: string): Buffer {
  const digits = new Date(iso).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return Number(digits.slice(0, 4)) < 2050 ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits))
}
