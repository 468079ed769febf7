import type { X509Certificate } from 'node:crypto'
import type { NextPair, WeighedChain } from '../pki/next-pair.ts'
import { type CertificatePair, PairError, type PairSource, provePair, type ReadPair } from './certificate-pair.ts'

/** What a look at the source led to. */
export type Renewed =
  | { readonly as: 'unchanged' | 'swapped' }
  /** `deferred`: a good pair that waits; `forced`: it is served though API servers do not verify it. */
  | { readonly as: 'deferred' | 'forced'; readonly message: string }
  /** The pair cannot be served; `reason` in one word. */
  | { readonly as: 'refused'; readonly reason: string; readonly message: string }

/** A pair that was proven to work, and its leaf. */
export interface ProvenPair {
  readonly pair: ReadPair
  readonly leaf: X509Certificate
}

export interface Renewal {
  /** Looks at the source now; after the look that is under way, if one is. */
  readonly look: () => Promise<Renewed>
  /** The pair that is served. */
  readonly served: () => ProvenPair
}

/** Where a renewed pair comes from and goes to. */
export interface RenewalOptions {
  readonly source: PairSource
  /** The pair that is served now. */
  readonly first: ProvenPair
  /** What a new leaf must be good for. */
  readonly names: readonly string[]
  /** Is it time for the candidate? */
  readonly weigh: (served: WeighedChain, candidate: WeighedChain) => NextPair
  /** Puts a pair in force. Throws where TLS does not take it; then the one before stays in force. */
  readonly serve: (pair: CertificatePair) => void
  /** The wall clock. */
  readonly now: () => Date
}

/**
 * Swaps the served pair when the source holds another one that is proven to work, and whose time has come. A pair that is not
 * stays out, however long: the old one is served on, and the source is looked at again, since what is not valid yet will be, and
 * what nobody trusts yet may be trusted later.
 *
 * Sources are polled, not watched: a watch on a file in the kubelet's volume fires for the first rotation and never again.
 */
export function createRenewal({ source, names, weigh, serve, now, first }: RenewalOptions): Renewal {
  let served = first
  const look = async (): Promise<Renewed> => {
    let pair: ReadPair
    try {
      pair = await source.read()
    } catch (error) {
      return { as: 'refused', reason: 'unreadable', message: messageOf(error) }
    }
    if (pair.hash === served.pair.hash) return { as: 'unchanged' }
    try {
      const candidate = { pair, leaf: await provePair(pair, names, now()) }
      const next = weigh(chainOf(served), chainOf(candidate))
      if (next.as === 'defer') return { as: 'deferred', message: next.text }
      serve(pair)
      served = candidate
      return next.as === 'force' ? { as: 'forced', message: next.text } : { as: 'swapped' }
    } catch (error) {
      const reason = error instanceof PairError ? error.reason : 'error'
      return { as: 'refused', reason, message: messageOf(error) }
    }
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    served: () => served,
    look() {
      const next = last.then(look)
      last = next
      return next
    },
  }
}

function chainOf({ pair, leaf }: ProvenPair): WeighedChain {
  return { chain: pair.cert, notBeforeMs: leaf.validFromDate.getTime(), notAfterMs: leaf.validToDate.getTime() }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
