import { constants } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import type { CertificatePair } from './certificate-pair.ts'

/**
 * Everything the TLS server is told, in one place: `setSecureContext` forgets what it is not told again. Forgetting the CA of
 * clients would even replace it by the authorities that Node trusts by default.
 * HTTP/1.1 is what the API server speaks with Services; without tickets a renewed certificate is seen at once, and a client's
 * is asked for each time.
 *
 * @param clientCa PEM of the authorities one of which must have certified a client; any client is welcome without
 */
export function tlsOptions({ cert, key }: CertificatePair, clientCa?: string): ServerOptions {
  return {
    cert,
    key,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: 10_000,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  }
}
