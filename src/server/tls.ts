import { constants, type X509Certificate } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import { type PairFiles, readPair } from './certificate-files.ts'
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
  /** Looks at the files now. */
  poll(): Promise<Reload>
}

/**
 * Swaps the served pair when the files hold another one that is proven to work. A pair that is not stays out, however long:
 * the old one is served on.
 *
 * Files are polled, not watched: a watch on a file in the kubelet's volume fires for the first rotation and never again.
 *
 * @param serve puts a pair in force
 * @param now the wall clock
 */
export function createReloader(
  files: PairFiles,
  serving: { readonly hash: string },
  serve: (pair: CertificatePair, leaf: X509Certificate) => void,
  now: () => Date,
): CertificateReloader {
  let hash = serving.hash
  let refused: { readonly hash: string; readonly reload: Reload } | undefined
  return {
    async poll() {
      let pair: Awaited<ReturnType<typeof readPair>>
      try {
        pair = await readPair(files)
      } catch (error) {
        return { failed: 'unreadable', message: error instanceof Error ? error.message : String(error) }
      }
      if (pair.hash === hash) return 'unchanged'
      try {
        const leaf = await provePair(pair, [], now())
        serve(pair, leaf)
        hash = pair.hash
        refused = undefined
        return 'swapped'
      } catch (error) {
        // One that is not valid yet will be: the same files are looked at again, but told of once.
        const failed = error instanceof PairError ? error.reason : 'error'
        const reload = { failed, message: error instanceof Error ? error.message : String(error) }
        if (refused?.hash === pair.hash && failed !== 'not-yet-valid') return refused.reload
        refused = { hash: pair.hash, reload }
        return reload
      }
    },
  }
}
