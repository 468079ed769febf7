import { connect, type DetailedPeerCertificate } from 'node:tls'
import type { ServedCertificate } from '../linkerd/certificates/certificate.ts'

/** Whom to look at: the Service, the name it is asked by, and where it is reached. */
export interface ProbeTarget {
  readonly service: string
  readonly namespace: string
  readonly dnsName: string
  readonly host: string
  readonly port: number
}

/** More than any chain that is served; each certificate is at most what a TLS record of the handshake can hold. */
const longestChain = 10

/**
 * One TLS handshake with a server, to see what it serves; nothing is sent, and what is served is not believed. The record
 * holds the leaf and the path of issuers that were sent with it: of two issuers of one name, Node passes on one.
 *
 * Never throws: what goes wrong is in the record.
 */
export function probeCertificate(target: ProbeTarget, timeoutMs: number): Promise<ServedCertificate> {
  const { service, namespace, dnsName, host, port } = target
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      servername: dnsName,
      rejectUnauthorized: false,
      // No roots of our own: they would be added to the chain.
      ca: [],
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // A weak key or hash is to be seen and judged, not refused here.
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const settle = (chain: string, error?: string) => {
      clearTimeout(timer)
      socket.removeAllListeners().on('error', () => undefined)
      socket.destroy()
      resolve({ service, namespace, chain, ...(error === undefined ? {} : { error }) })
    }
    const timer = setTimeout(() => settle('', `no handshake within ${timeoutMs / 1000} s`), timeoutMs)
    socket.on('error', (error: NodeJS.ErrnoException) => settle('', error.code ?? error.message))
    socket.on('close', () => settle('', 'the connection was closed'))
    socket.on('secureConnect', () => {
      const chain = pemOf(socket.getPeerCertificate(true))
      settle(chain, chain === '' ? 'no certificate was sent' : undefined)
    })
  })
}

function pemOf(leaf: DetailedPeerCertificate): string {
  const blocks: string[] = []
  const seen = new Set<string>()
  for (let one: DetailedPeerCertificate | undefined = leaf; one?.raw; one = one.issuerCertificate) {
    if (seen.has(one.fingerprint256) || blocks.length === longestChain) break
    seen.add(one.fingerprint256)
    const base64 = one.raw.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()
    blocks.push(`-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`)
  }
  return blocks.join('')
}
