import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { Certificate, Instant } from '../linkerd/certificates/certificate.ts'
import {
  bitsOf,
  DerError,
  derReader,
  type Element,
  isShortestInteger,
  oidText,
  smallInteger,
  tags,
  timeOf,
} from './der.ts'
import { type Extensions, readExtensions } from './read-extensions.ts'

/** A certificate with all that its verification needs. */
export interface ParsedCertificate extends Certificate, Extensions {
  /** 1 to 3. */
  readonly version: number
  readonly signed: Uint8Array
  readonly signature: Uint8Array
  readonly signatureAlgorithm: { readonly oid: string; readonly parameters: Uint8Array | undefined }
  /** Subject and issuer byte by byte, as they are compared. */
  readonly subjectBytes: string
  readonly issuerBytes: string
  /** The public key with its algorithm. */
  readonly spki: Uint8Array
  /** Undefined where the algorithm is none that Go verifies with. */
  readonly publicKey: KeyObject | undefined
}

/**
 * Reads one certificate as strictly as Go does (crypto/x509/parser.go, 1.26): what it refuses, is refused here, and nothing
 * else. So negative serial numbers, repeated extensions, curves other than NIST's and misencoded names are errors; an unknown
 * algorithm or critical extension is not, yet.
 *
 * @throws DerError with the reason
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  const whole = derReader(der)
  const certificate = derReader(whole.take(tags.sequence, 'certificate').content)
  if (whole.peek() !== undefined) throw new DerError('trailing data')
  const signed = certificate.take(tags.sequence, 'tbs certificate')
  const outerAlgorithm = certificate.take(tags.sequence, 'algorithm identifier')
  const signature = bitsOf(certificate.take(tags.bitString, 'signature')).bytes

  const tbs = derReader(signed.content)
  const versionField = tbs.takeIf(0xa0)
  const version = 1 + (versionField ? smallInteger(derReader(versionField.content).take(tags.integer, 'version')) : 0)
  if (version < 1 || version > 3) throw new DerError('invalid version')
  const serial = tbs.take(tags.integer, 'serial number').content
  if (!isShortestInteger(serial)) throw new DerError('malformed serial number')
  if ((serial[0] ?? 0) >= 0x80) throw new DerError('negative serial number')
  const algorithm = tbs.take(tags.sequence, 'signature algorithm identifier')
  if (!sameBytes(algorithm.raw, outerAlgorithm.raw))
    throw new DerError("inner and outer signature algorithm identifiers don't match")
  const issuer = tbs.take(tags.sequence, 'issuer')
  readName(issuer)
  const validity = derReader(tbs.take(tags.sequence, 'validity').content)
  const notBeforeMs = timeOf(validity.any('validity'))
  const notAfterMs = timeOf(validity.any('validity'))
  const subject = tbs.take(tags.sequence, 'subject')
  const name = readName(subject)
  const spki = tbs.take(tags.sequence, 'spki')
  const publicKey = readPublicKey(spki)
  if (version > 1) {
    tbs.takeIf(0x81)
    tbs.takeIf(0x82)
  }
  const extensionsField = version === 3 ? tbs.takeIf(0xa3) : undefined
  const extensions = readExtensions(extensionsField)

  return {
    ...extensions,
    version,
    signed: signed.raw,
    signature,
    signatureAlgorithm: readAlgorithm(algorithm),
    subject: name,
    subjectBytes: hex(subject.raw),
    issuerBytes: hex(issuer.raw),
    notBefore: instantOf(notBeforeMs, notAfterMs - notBeforeMs),
    notAfter: instantOf(notAfterMs, notAfterMs - notBeforeMs),
    spki: spki.raw,
    publicKey,
    sha256: createHash('sha256').update(der).digest('hex'),
  }
}

const dayMs = 24 * 3600 * 1000

/** Of what lives for days the day is enough; of shorter-lived things the minute counts. */
export function instantOf(ms: number, lifeMs = Number.POSITIVE_INFINITY): Instant {
  const iso = new Date(ms).toISOString()
  return {
    ms,
    text: lifeMs > 14 * dayMs ? iso.slice(0, iso.indexOf('T')) : `${iso.slice(0, 16).replace('T', ' ')} UTC`,
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}

function readAlgorithm({ content }: Element): ParsedCertificate['signatureAlgorithm'] {
  const reader = derReader(content)
  const oid = oidText(reader.take(tags.oid, 'algorithm identifier'))
  return { oid, parameters: reader.peek() === undefined ? undefined : reader.any('algorithm parameters').raw }
}

const printable = /^[A-Za-z0-9'()+,\-./ :=?*&]*$/
const commonName = '2.5.4.3'

/** The common name, else the last part of the name; empty of an empty name. Text of the wrong alphabet is an error, as in Go. */
function readName(element: Element): string {
  let found = ''
  let common: string | undefined
  const sets = derReader(element.content)
  while (sets.peek() !== undefined) {
    const parts = derReader(sets.take(tags.set, 'RDNSequence').content)
    while (parts.peek() !== undefined) {
      const part = derReader(parts.take(tags.sequence, 'RDNSequence').content)
      const oid = oidText(part.take(tags.oid, 'RDNSequence'))
      found = readText(part.any('RDNSequence'))
      if (oid === commonName) common = found
    }
  }
  return common ?? found
}

function readText({ tag, content }: Element): string {
  const latin1 = () => Buffer.from(content).toString('latin1')
  switch (tag) {
    case tags.printableString: {
      const text = latin1()
      if (!printable.test(text)) throw new DerError('invalid PrintableString')
      return text
    }
    case tags.utf8String:
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
      } catch {
        throw new DerError('invalid UTF-8 string')
      }
    case tags.ia5String: {
      if (content.some((byte) => byte > 127)) throw new DerError('invalid IA5String')
      return latin1()
    }
    // NumericString
    case 0x12: {
      const text = latin1()
      if (!/^[0-9 ]*$/.test(text)) throw new DerError('invalid NumericString')
      return text
    }
    // T61String
    case 0x14:
      return latin1()
    // BMPString
    case 0x1e: {
      if (content.length % 2 !== 0) throw new DerError('invalid BMPString')
      const text = Buffer.from(content).swap16().toString('utf16le').replace(/\0$/, '')
      if (/[\uD800-\uDFFF\uFDD0-\uFDEF\uFFFE\uFFFF]/.test(text)) throw new DerError('invalid BMPString')
      return text
    }
    default:
      throw new DerError('unsupported string type')
  }
}

/** Curves of crypto/elliptic: P-224, P-256, P-384, P-521. */
const curves = new Set(['1.3.132.0.33', '1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35'])

const keyAlgorithms = { rsa: '1.2.840.113549.1.1.1', ec: '1.2.840.10045.2.1', ed25519: '1.3.101.112' } as const

/** The key, undefined where Go knows no such algorithm, an error where it knows it and refuses the key. */
function readPublicKey(spki: Element): KeyObject | undefined {
  const reader = derReader(spki.content)
  const { oid, parameters } = readAlgorithm(reader.take(tags.sequence, 'public key algorithm identifier'))
  reader.take(tags.bitString, 'subjectPublicKey')
  switch (oid) {
    case keyAlgorithms.rsa:
      if (parameters === undefined || hex(parameters) !== '0500') throw new DerError('RSA key missing NULL parameters')
      break
    case keyAlgorithms.ec: {
      if (parameters?.[0] !== tags.oid) throw new DerError('invalid ECDSA parameters')
      if (!curves.has(oidText(derReader(parameters).any('ECDSA parameters'))))
        throw new DerError('unsupported elliptic curve')
      break
    }
    case keyAlgorithms.ed25519:
      if (parameters !== undefined) throw new DerError('Ed25519 key encoded with illegal parameters')
      break
    default:
      return undefined
  }
  try {
    return createPublicKey({ key: Buffer.from(spki.raw), format: 'der', type: 'spki' })
  } catch {
    throw new DerError('invalid public key')
  }
}
