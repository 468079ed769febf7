import { constants, verify } from 'node:crypto'
import { derReader, oidText, smallInteger, tags } from './der.ts'
import type { ParsedCertificate } from './parse-certificate.ts'

type Scheme =
  | { readonly key: 'rsa'; readonly hash: 'sha256' | 'sha384' | 'sha512'; readonly salted: boolean }
  | { readonly key: 'ec'; readonly hash: 'sha256' | 'sha384' | 'sha512' }
  | { readonly key: 'ed25519' }

/** Signature algorithms that crypto/x509 verifies certificates with. */
const schemes: ReadonlyMap<string, Scheme> = new Map([
  ['1.2.840.113549.1.1.11', { key: 'rsa', hash: 'sha256', salted: false }],
  ['1.2.840.113549.1.1.12', { key: 'rsa', hash: 'sha384', salted: false }],
  ['1.2.840.113549.1.1.13', { key: 'rsa', hash: 'sha512', salted: false }],
  ['1.2.840.10045.4.3.2', { key: 'ec', hash: 'sha256' }],
  ['1.2.840.10045.4.3.3', { key: 'ec', hash: 'sha384' }],
  ['1.2.840.10045.4.3.4', { key: 'ec', hash: 'sha512' }],
  ['1.3.101.112', { key: 'ed25519' }],
])

/** MD5 and SHA-1 with RSA, SHA-1 with ECDSA and with RSA by another name. */
const insecure: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'MD5-RSA'],
  ['1.2.840.113549.1.1.5', 'SHA1-RSA'],
  ['1.3.14.3.2.29', 'SHA1-RSA'],
  ['1.2.840.10045.4.1', 'ECDSA-SHA1'],
])

const hashes: ReadonlyMap<string, 'sha256' | 'sha384' | 'sha512'> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])
const saltLengths = { sha256: 32, sha384: 48, sha512: 64 } as const

const rsaPss = '1.2.840.113549.1.1.10'

/** crypto/rsa, checkKeySize: shorter keys are refused since Go 1.24. */
const shortestRsaBits = 1024

/** Why one certificate's signature is not made by another's key, in Go's words; undefined when it is. */
export function whyNotSigned(child: ParsedCertificate, parent: ParsedCertificate): string | undefined {
  const { oid } = child.signatureAlgorithm
  const weak = insecure.get(oid)
  if (weak !== undefined) return `x509: cannot verify signature: insecure algorithm ${weak}`
  const scheme = oid === rsaPss ? readPss(child.signatureAlgorithm.parameters) : schemes.get(oid)
  const key = parent.publicKey
  if (scheme === undefined || key === undefined) return 'x509: cannot verify signature: algorithm unimplemented'
  if (key.asymmetricKeyType !== scheme.key) return 'x509: signature algorithm and public key do not go together'
  if (scheme.key === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < shortestRsaBits)
    return `crypto/rsa: ${key.asymmetricKeyDetails?.modulusLength}-bit keys are insecure`
  return isSigned(child, scheme, key) ? undefined : 'crypto: verification error'
}

function isSigned(
  { signed, signature }: ParsedCertificate,
  scheme: Scheme,
  key: NonNullable<ParsedCertificate['publicKey']>,
) {
  try {
    switch (scheme.key) {
      case 'ed25519':
        return verify(null, signed, key, signature)
      case 'ec':
        return verify(scheme.hash, signed, { key, dsaEncoding: 'der' }, signature)
      case 'rsa':
        return scheme.salted
          ? verify(
              scheme.hash,
              signed,
              { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLengths[scheme.hash] },
              signature,
            )
          : verify(scheme.hash, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    }
  } catch {
    return false
  }
}

/** RSA-PSS with its parameters, of which Go takes three sets: one hash throughout, and a salt as long as it. */
function readPss(parameters: Uint8Array | undefined): Scheme | undefined {
  if (parameters === undefined) return undefined
  try {
    const fields = derReader(derReader(parameters).take(tags.sequence, 'parameters').content)
    const hash = hashes.get(oidIn(fields.takeIf(0xa0)?.content) ?? '')
    const mask = fields.takeIf(0xa1)
    const salt = fields.takeIf(0xa2)
    if (hash === undefined || mask === undefined || salt === undefined || fields.takeIf(0xa3)) return undefined
    const generator = derReader(derReader(mask.content).take(tags.sequence, 'mask').content)
    generator.take(tags.oid, 'mask')
    if (hashes.get(oidIn(generator.any('mask').raw) ?? '') !== hash) return undefined
    const length = smallInteger(derReader(salt.content).take(tags.integer, 'salt'))
    return length === saltLengths[hash] ? { key: 'rsa', hash, salted: true } : undefined
  } catch {
    return undefined
  }
}

/** The identifier of an AlgorithmIdentifier, its parameters aside. */
function oidIn(bytes: Uint8Array | undefined): string | undefined {
  return bytes && oidText(derReader(derReader(bytes).take(tags.sequence, 'hash').content).take(tags.oid, 'hash'))
}
