import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { tlsName } from './installation.ts'

/* Leaf certificates, told apart by the SHA-256 of their DER in hexadecimal digits. */

export function fingerprintOf({ cert }: { readonly cert: string }): string {
  return idOf(new X509Certificate(cert))
}

/**
 * What is served on a new connection.
 *
 * @param ca by which a client verifies it; without, it takes whatever comes
 */
export function servedBy(port: number, ca?: string): Promise<string> {
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca }
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: tlsName, ...trust }, () => {
      const leaf = socket.getPeerX509Certificate()
      resolve(leaf ? idOf(leaf) : '')
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

function idOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}
