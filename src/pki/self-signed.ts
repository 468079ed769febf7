import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import forge from 'node-forge'

/** PEM of a serving certificate, its key, and the CA to put into a webhook's `caBundle`. */
export interface SelfSigned {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** Days the self-made pair is good for. It lives in memory: a restart makes a new one. */
const validDays = 365

/**
 * A CA and a leaf for these names, RSA 2048, made anew at each call. For trying meshgate without cert-manager.
 *
 * @param names DNS names and IP addresses of the leaf's subjectAltName; Go ignores the common name
 */
export function makeSelfSigned(names: readonly string[], now: Date): SelfSigned {
  const { pki } = forge
  const notAfter = new Date(now.getTime() + validDays * 24 * 3600 * 1000)
  // Clocks of nodes differ.
  const notBefore = new Date(now.getTime() - 5 * 60 * 1000)
  const issue = (subject: string, extensions: object[], issuer?: { name: string; key: forge.pki.rsa.PrivateKey }) => {
    const keys = pki.rsa.generateKeyPair({ bits: 2048 })
    const certificate = pki.createCertificate()
    certificate.publicKey = keys.publicKey
    certificate.serialNumber = makeSerial()
    certificate.validity.notBefore = notBefore
    certificate.validity.notAfter = notAfter
    certificate.setSubject([{ name: 'commonName', value: subject }])
    certificate.setIssuer([{ name: 'commonName', value: issuer?.name ?? subject }])
    certificate.setExtensions([...extensions, { name: 'subjectKeyIdentifier' }])
    certificate.sign(issuer?.key ?? keys.privateKey, forge.md.sha256.create())
    return { pem: pki.certificateToPem(certificate), key: keys.privateKey }
  }
  const caName = 'meshgate self-made CA'
  const ca = issue(caName, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ])
  const leaf = issue(
    'meshgate',
    [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      // 2 and 7 are dNSName and iPAddress of RFC 5280, GeneralName.
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
    { name: caName, key: ca.key },
  )
  return { cert: leaf.pem, key: pki.privateKeyToPem(leaf.key), ca: ca.pem }
}

/**
 * A serial number as hex: 16 random bytes, positive and not zero. With the top bit set, node-forge would encode it as a
 * negative number, which Go has refused since 1.23.
 */
export function makeSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
