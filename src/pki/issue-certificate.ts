import { generateKeyPair, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'
import type { Authority, Leaf, Period } from './authority-plan.ts'
import { parseCertificate } from './parse-certificate.ts'
import { readPem } from './pem-blocks.ts'
import { makeSerial } from './self-signed.ts'

/** A certificate that is trusted, and its key: PEM. */
export interface MadeAuthority {
  readonly authority: Authority
  readonly key: string
}

const { asn1, md, pki } = forge
const keyPairOf = promisify(generateKeyPair)

/** Clocks of nodes differ; but a short life is not to be in the past for its larger part. */
const longestBackdateMs = 3_600_000

/**
 * A certificate authority, RSA 2048, that signs leaves and no further authorities.
 *
 * Keys and signatures are made by node:crypto, beside the event loop or in a millisecond; node-forge writes the certificate.
 */
export async function makeAuthority(nowMs: number, lifeMs: number): Promise<MadeAuthority> {
  const serial = makeSerial()
  // Two authorities of one name would make clients try both; a name tells people which is which.
  const subject = `meshgate CA ${serial.slice(0, 8)}`
  const { pem, key, period } = await makeCertificate({
    serial,
    subject,
    issuer: undefined,
    period: periodFrom(nowMs, nowMs + lifeMs),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  })
  return { authority: { id: read(pem).sha256, pem, ...period }, key }
}

/**
 * A serving certificate, RSA 2048, for these names. It does not outlive its authority.
 *
 * @param names DNS names and IP addresses, the first of which is the subject's as well
 */
export async function makeLeaf(by: MadeAuthority, names: readonly string[], nowMs: number, lifeMs: number) {
  const parent = pki.certificateFromPem(by.authority.pem)
  const period = periodFrom(nowMs, Math.min(nowMs + lifeMs, by.authority.notAfterMs))
  const made = await makeCertificate({
    serial: makeSerial(),
    // RFC 5280 allows a common name 64 characters; nobody looks at it.
    subject: (names[0] ?? 'meshgate').slice(0, 64),
    issuer: { certificate: parent, key: by.key },
    period,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      // 2 and 7 are dNSName and iPAddress of RFC 5280, GeneralName.
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  })
  const leaf: Leaf = {
    id: read(made.pem).sha256,
    cert: made.pem,
    key: made.key,
    issuer: by.authority.id,
    ...made.period,
  }
  return leaf
}

interface Order {
  readonly serial: string
  readonly subject: string
  /** Who signs; the certificate itself without. */
  readonly issuer: { readonly certificate: forge.pki.Certificate; readonly key: string } | undefined
  readonly period: Period
  readonly extensions: readonly object[]
}

async function makeCertificate({ serial, subject, issuer, period, extensions }: Order) {
  const { publicKey, privateKey } = await keyPairOf('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const certificate = pki.createCertificate()
  certificate.publicKey = pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }).toString())
  certificate.serialNumber = serial
  certificate.validity.notBefore = new Date(period.notBeforeMs)
  certificate.validity.notAfter = new Date(period.notAfterMs)
  const name = [{ name: 'commonName', value: subject }]
  certificate.setSubject(name)
  certificate.setIssuer(issuer?.certificate.subject.attributes ?? name)
  const keyIdentifier = (issuer?.certificate ?? certificate).generateSubjectKeyIdentifier().getBytes()
  certificate.setExtensions([
    ...extensions,
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier },
  ])
  const signingKey = pki.privateKeyFromPem(issuer?.key ?? key)
  // node-forge would take 30 ms for it, in which nothing else runs.
  signingKey.sign = () => {
    const bytes = Buffer.from(asn1.toDer(certificate.tbsCertificate).getBytes(), 'latin1')
    return sign('sha256', bytes, issuer?.key ?? key).toString('latin1')
  }
  certificate.sign(signingKey, md.sha256.create())
  return { pem: pki.certificateToPem(certificate).replaceAll('\r\n', '\n'), key, period }
}

/** In whole seconds, as certificates have it. */
function periodFrom(nowMs: number, endMs: number): Period {
  const backdateMs = Math.min(longestBackdateMs, (endMs - nowMs) / 4)
  return { notBeforeMs: wholeSecond(nowMs - backdateMs), notAfterMs: wholeSecond(endMs) }
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

function read(pem: string) {
  const [block] = readPem(pem).blocks
  if (block === undefined) throw new Error('the certificate that was made cannot be read')
  return parseCertificate(block.der)
}
