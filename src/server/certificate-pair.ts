import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { Duplex } from 'node:stream'
import { connect, createSecureContext, TLSSocket } from 'node:tls'

/** A serving certificate, leaf first, and its key: PEM. */
export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** A pair as it was at one moment. */
export interface ReadPair extends CertificatePair {
  /** Of certificate and key: another pair, another hash. */
  readonly hash: string
}

/** Where the pair comes from. */
export interface PairSource {
  /**
   * The pair as it is now. Called again and again, never twice at a time.
   *
   * @throws when there is none, or it cannot be read; then the one that is served is served on
   */
  read(): Promise<ReadPair>
  /**
   * Does this very process write the caBundle that its pair is verified by? Then it must get to work also while nobody verifies
   * it, so a failing trust probe leaves it ready.
   */
  readonly mendsBundles?: boolean
}

/** What {@link ReadPair} is told from others by. */
export function hashOf({ cert, key }: CertificatePair): string {
  return createHash('sha256').update(cert).update('\0').update(key).digest('hex')
}

/** The pair must not be served; the message says why, `reason` in one word for metrics. */
export class PairError extends Error {
  readonly reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

// cert-manager's limits for what it parses.
const longestChain = 95_000
const longestKey = 13_000

const begin = '-----BEGIN CERTIFICATE-----'
const end = '-----END CERTIFICATE-----'

/** id-kp-serverAuth and anyExtendedKeyUsage (RFC 5280): either lets a Go client accept a server. */
const serverUsages = new Set(['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'])

/**
 * Proves that a pair can be served to a Go client, and answers its leaf.
 *
 * What Node accepts is not enough: OpenSSL takes a certificate without subjectAltName, `setSecureContext` takes an EC
 * certificate with an RSA key and then fails every handshake, and Go refuses negative serials. So each is asked for, and in
 * the end a handshake is made, in memory.
 *
 * @param names DNS names and addresses that the leaf must be good for; one of either must be there in any case
 * @throws PairError
 */
export async function provePair(pair: CertificatePair, names: readonly string[], now: Date): Promise<X509Certificate> {
  if (pair.cert.length > longestChain || pair.key.length > longestKey)
    throw new PairError('size', 'the certificate chain or the key is larger than any real one')
  const chain = parseChain(pair.cert)
  const [leaf] = chain
  if (leaf === undefined) throw new PairError('no-certificate', 'there is no certificate in the file')
  proveKey(leaf, pair.key)
  proveLeaf(leaf, names, now)
  for (const certificate of chain) proveForGo(certificate)
  await proveHandshake(pair, leaf)
  return leaf
}

function parseChain(pem: string): X509Certificate[] {
  return pem
    .split(begin)
    .slice(1)
    .map((rest, i) => {
      const length = rest.indexOf(end)
      if (length < 0) throw new PairError('unreadable', `certificate ${i + 1} has no end`)
      try {
        return new X509Certificate(begin + rest.slice(0, length) + end)
      } catch (error) {
        throw new PairError('unreadable', `certificate ${i + 1} cannot be read: ${messageOf(error)}`)
      }
    })
}

function proveKey(leaf: X509Certificate, pem: string): void {
  // PKCS #8 says so in its name, the older form in a header (RFC 1421).
  if (/-----BEGIN ENCRYPTED|^Proc-Type: *4,ENCRYPTED/m.test(pem))
    throw new PairError('encrypted-key', 'the key is encrypted, and there is no passphrase')
  let key: ReturnType<typeof createPrivateKey>
  try {
    key = createPrivateKey(pem)
  } catch (error) {
    throw new PairError('unreadable-key', `the key cannot be read: ${messageOf(error)}`)
  }
  if (!leaf.checkPrivateKey(key))
    throw new PairError(
      'mismatch',
      'the key does not belong to the first certificate; the leaf comes first in the chain',
    )
}

function proveLeaf(leaf: X509Certificate, names: readonly string[], now: Date): void {
  if (leaf.validFromDate > now) throw new PairError('not-yet-valid', `the certificate is valid from ${leaf.validFrom}`)
  if (leaf.validToDate <= now) throw new PairError('expired', `the certificate expired on ${leaf.validTo}`)
  if (!/\b(?:DNS|IP Address):/.test(leaf.subjectAltName ?? ''))
    throw new PairError('no-san', 'the certificate has no DNS name in subjectAltName; Go ignores the common name')
  for (const name of names)
    if ((isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name, { subject: 'never' })) === undefined)
      throw new PairError('san', `the certificate is not for ${name}, but for ${leaf.subjectAltName}`)
  // Node calls the extended usages so; without the extension there are none, and any purpose is good.
  const usages = leaf.keyUsage as readonly string[] | undefined
  if (usages !== undefined && !usages.some((usage) => serverUsages.has(usage)))
    throw new PairError('usage', 'the certificate is not for servers (extended key usage lacks serverAuth)')
}

/** What Go refuses and OpenSSL takes. */
function proveForGo(certificate: X509Certificate): void {
  if (certificate.serialNumber.startsWith('-'))
    throw new PairError('serial', 'the serial number is negative; Go refuses the certificate')
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw new PairError('weak-key', 'the RSA key is shorter than 2048 bits')
  const selfSigned = certificate.checkIssued(certificate)
  if (!selfSigned && /sha-?1|md5/i.test(certificate.signatureAlgorithm ?? ''))
    throw new PairError('weak-signature', `the signature algorithm ${certificate.signatureAlgorithm} is refused by Go`)
}

/** Seconds in memory; a handshake takes milliseconds. */
const handshakeTimeoutMs = 5000

async function proveHandshake(pair: CertificatePair, leaf: X509Certificate): Promise<void> {
  let context: ReturnType<typeof createSecureContext>
  try {
    context = createSecureContext({ ...pair, minVersion: 'TLSv1.3' })
  } catch (error) {
    throw new PairError('rejected', `TLS does not take the pair: ${messageOf(error)}`)
  }
  const [serverEnd, clientEnd] = duplexPair()
  const server = new TLSSocket(serverEnd, { isServer: true, secureContext: context })
  // Trust is not the question here (the CA may be anybody's), only whether key and certificate shake hands.
  const client = connect({ socket: clientEnd, rejectUnauthorized: false, minVersion: 'TLSv1.3' })
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the handshake did not end')), handshakeTimeoutMs)
      const settle = (error?: Error) => {
        clearTimeout(timer)
        if (error) reject(error)
        else resolve()
      }
      server.on('error', settle)
      client.on('error', settle)
      client.on('secureConnect', () => settle())
    })
    if (client.getPeerX509Certificate()?.fingerprint256 !== leaf.fingerprint256)
      throw new Error('another certificate came')
  } catch (error) {
    throw new PairError('handshake', `a handshake with the pair fails: ${messageOf(error)}`)
  } finally {
    client.destroy()
    server.destroy()
  }
}

/** Two ends of a wire without a socket. */
function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = []
  const end = (other: number) =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        ends[other]?.push(chunk)
        done()
      },
      final(done) {
        ends[other]?.push(null)
        done()
      },
    })
  ends.push(end(1), end(0))
  return [ends[0] as Duplex, ends[1] as Duplex]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
