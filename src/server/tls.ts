import { constants, type X509Certificate } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import type { ReadPair } from './certificate-files.ts'
import { type CertificatePair, PairError, provePair } from './certificate-pair.ts'

/**
 * Everything the TLS server is told, in one place: `setSecureContext` forgets what it is not told again.
 * HTTP/1.1 is what the API server speaks with Services; without tickets a renewed certificate is seen at once.
 */
export function tlsOptions({ cert, key }: CertificatePair): ServerOptions {
  return {
    cert,
    key,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: 10_000,
  }
}

/** What a look at the files led to. */
export type Reload = 'unchanged' | 'swapped' | { readonly failed: string; readonly message: string }

export interface CertificateReloader {
  /** Looks at the files now; after the look that is under way, if one is. */
  readonly poll: () => Promise<Reload>
}

/** Where a renewed pair comes from and goes to. */
export interface Renewal {
  readonly read: () => Promise<ReadPair>
  /** Hash of the pair that is served now. */
  readonly hash: string
  /** What a new leaf must be good for. */
  readonly names: readonly string[]
  /** Puts a pair in force. */
  readonly serve: (pair: CertificatePair, leaf: X509Certificate) => void
  /** The wall clock. */
  readonly now: () => Date
}

/**
 * Swaps the served pair when the files hold another one that is proven to work. A pair that is not stays out, however long:
 * the old one is served on, and the files are looked at again, since what is not valid yet will be.
 *
 * Files are polled, not watched: a watch on a file in the kubelet's volume fires for the first rotation and never again.
 */
export function createReloader({ read, names, serve, now, ...serving }: Renewal): CertificateReloader {
  let { hash } = serving
  const look = async (): Promise<Reload> => {
    let pair: ReadPair
    try {
      pair = await read()
    } catch (error) {
      return { failed: 'unreadable', message: messageOf(error) }
    }
    if (pair.hash === hash) return 'unchanged'
    try {
      serve(pair, await provePair(pair, names, now()))
      hash = pair.hash
      return 'swapped'
    } catch (error) {
      return { failed: error instanceof PairError ? error.reason : 'error', message: messageOf(error) }
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    poll() {
      const next = last.then(look)
      last = next
      return next
    },
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
