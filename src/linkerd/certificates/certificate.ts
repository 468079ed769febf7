/*
 * Certificates as rules see them. Reading X.509 needs a cryptographic library and judging it needs the time, so both arrive as
 * arguments: pki/ has the reader, whoever runs the rules has the clock.
 */

/** A moment: to compare, and for people (`2027-03-01`, with the time of day where that matters). */
export interface Instant {
  readonly ms: number
  readonly text: string
}

/** From when to when something is good. */
export interface Period {
  readonly notBefore: Instant
  readonly notAfter: Instant
}

/** What is public about a certificate. */
export interface Certificate extends Period {
  /** Its common name, or the last part of its subject. */
  readonly subject: string
  /** The DNS names of its subjectAltName. */
  readonly dnsNames: readonly string[]
  readonly isCa: boolean
  /** Of its bytes, hex. */
  readonly sha256: string
}

/** The certificates of a PEM text. */
export interface Bundle {
  readonly certificates: readonly Certificate[]
  /** What could not be read, in words; Go passes over it. */
  readonly problems: readonly string[]
}

/** Would a TLS client believe this server? */
export interface TrustQuestion {
  /** What the server sends: PEM, leaf first. */
  readonly chain: string
  /** What the client trusts: PEM. */
  readonly roots: string
  /** The name the client asks for. */
  readonly dnsName: string
  readonly atMs: number
}

/** Why not, in one word. */
export type Distrust =
  | 'malformed'
  | 'expired'
  | 'not-yet-valid'
  | 'name'
  | 'usage'
  | 'unknown-authority'
  | 'authority-expired'
  | 'authority-unusable'
  | 'algorithm'
  | 'extension'

/** The answer, as Go's crypto/x509 gives it. */
export type Trust =
  /** `limit` is the certificate with which the last way from the leaf to a trusted one ends. */
  | { readonly trusted: true; readonly limit: Certificate }
  /** `text` has Go's words, as they stand in the API server's errors. */
  | { readonly trusted: false; readonly reason: Distrust; readonly text: string }

/** Reads and judges X.509 of any algorithm. */
export interface CertificateReader {
  read(pem: string): Bundle
  judge(question: TrustQuestion): Trust
  /** Is this the private key of the first certificate? The key is looked at and forgotten. */
  isKeyOf(chain: string, key: string): 'yes' | 'no' | 'unreadable'
  /** A moment as Kubernetes writes it (RFC 3339), or undefined. */
  instant(text: string): Instant | undefined
}

/** What a webhook's Service really served at the last look. */
export interface ServedCertificate {
  readonly service: string
  readonly namespace: string
  /** PEM, leaf first; empty when no handshake came about. */
  readonly chain: string
  /** Why there was none. */
  readonly error?: string
}

/** The world of certificates around the objects: who reads them, what time it is, what is served. */
export interface CertificateWorld {
  readonly reader: CertificateReader
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly served: () => readonly ServedCertificate[]
  /** How often the time was asked for, or what is served: what rests on either is true of this moment only. */
  readonly questions: () => number
}
