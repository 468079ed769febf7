import type { ServerOptions } from 'node:https'
import type { CertificateReader } from '../linkerd/certificate.ts'
import { type LiveTrust, nextPair } from '../pki/next-pair.ts'
import { createRecentBundles } from '../pki/recent-bundles.ts'
import { makeSelfSigned } from '../pki/self-signed.ts'
import { hashOf, type PairSource, provePair } from './certificate-pair.ts'
import { type AuthorityLook, type ClientAuthority, readClientAuthority } from './client-authority.ts'
import type { Metrics } from './metrics.ts'
import { createRenewal, type ProvenPair, type Renewed } from './renewal.ts'
import { tlsOptions } from './tls.ts'

/** How the webhook shows who it is, and learns who calls. */
export interface CertificateOptions {
  /** Without one a pair is made, once. */
  readonly source: PairSource | undefined
  /** What API servers call the webhook by: every leaf must be good for them. */
  readonly names: readonly string[]
  /** File with the authorities of clients. Without one, nobody is asked for a certificate. */
  readonly clientCaFile: string | undefined
  readonly metrics: Metrics
  /** The wall clock. */
  readonly now: () => Date
}

/** The server that is told of a new pair, and its surroundings. */
export interface Follower {
  /** New connections are served with this. Throws where TLS does not take it. */
  readonly renew: (tls: ServerOptions) => void
  /** Other clients are welcome from now on. */
  readonly forgetClients: () => void
  readonly log: Record<'info' | 'warn' | 'error', (text: string) => void>
  /** What API servers verify the pair by now. */
  readonly trust: () => LiveTrust
  readonly reader: CertificateReader
}

/** The pair from the first to the last: proven before it is served, renewed when there is a better one. */
export interface CertificateLife {
  /** For the server, to begin with. */
  readonly tls: ServerOptions
  /** PEM of the CA that signed the self-made certificate; undefined where there is a source. */
  readonly ca: string | undefined
  /** Why a replica with this pair cannot be called. */
  unready(): readonly string[]
  /** What waits, a line each. */
  lines(): readonly string[]
  /** Looks at the source from now on, every ten seconds; and at once when what a pair waits for may have come. */
  follow(follower: Follower): void
  /** Looks at the source and at the clients' authorities now. */
  look(): Promise<void>
  stop(): void
}

/** A new file is served within 15 s (a renewal leaves cert-manager's `renewBefore` for it). */
const lookEveryMs = 10_000
/** The caBundle follows within a second where cainjector is well; so should the pair that waits for it. */
const waitEveryMs = 1000

/**
 * Loads the pair, and the authorities of clients.
 *
 * @throws when the pair cannot be served, or the authorities cannot be read
 */
export async function startCertificate(options: CertificateOptions): Promise<CertificateLife> {
  const { source, names, clientCaFile, metrics, now } = options
  const made = source === undefined ? makeSelfSigned(names, now()) : undefined
  const read = source ?? { read: async () => withHash(made ?? { cert: '', key: '' }) }
  const pair = await read.read()
  let served: ProvenPair = { pair, leaf: await provePair(pair, names, now()) }
  const clients = clientCaFile === undefined ? undefined : await readClientAuthority(clientCaFile)

  metrics.certificate(served.leaf.validToDate)
  const deferredFor = metrics.gauge(
    'meshgate_certificate_swap_deferred_seconds',
    'How long a new certificate has been waiting for a caBundle that verifies it; 0 when none is.',
  )
  deferredFor.set(0)
  const countClientCa = metrics.counter(
    'meshgate_client_ca_reloads_total',
    "Looks at a file of clients' authorities that changed or is not usable, by result.",
    'result',
    ['swapped', 'unreadable', 'no-certificate', 'rejected'],
  )
  let waiting: { readonly sinceMs: number; readonly text: string; bundles: string } | undefined
  let look: (() => Promise<void>) | undefined
  let timers: readonly NodeJS.Timeout[] = []

  return {
    tls: tlsOptions(pair, clients?.current()),
    ca: made?.ca,
    unready() {
      const { validToDate } = served.leaf
      return validToDate <= now() ? [`the certificate expired on ${validToDate.toISOString()}`] : []
    },
    lines: () =>
      waiting === undefined
        ? []
        : [`a new certificate waits since ${new Date(waiting.sinceMs).toISOString()}: ${waiting.text}`],
    follow({ renew, forgetClients, log, trust, reader }) {
      const recentBundles = createRecentBundles()
      const recentTrust = (): LiveTrust => {
        const { bundles, dnsName } = trust()
        return { dnsName, bundles: recentBundles.among(bundles, now().getTime()) }
      }
      const renewal = createRenewal({
        source: read,
        first: served,
        names,
        weigh: (present, candidate) => nextPair(present, candidate, recentTrust(), reader, now().getTime()),
        serve: (next) => renew(tlsOptions(next, clients?.current())),
        now,
      })
      const wait = (result: Renewed) => {
        if (result.as === 'deferred') {
          const sinceMs = waiting?.sinceMs ?? now().getTime()
          waiting = { sinceMs, text: result.message, bundles: textOf(recentTrust()) }
          deferredFor.set((now().getTime() - sinceMs) / 1000)
        } else {
          waiting = undefined
          deferredFor.set(0)
        }
      }
      const tell = createTeller(log)
      const lookAtPair = async () => {
        const result = await renewal.look()
        served = renewal.served()
        metrics.certificate(served.leaf.validToDate)
        if (result.as !== 'unchanged') metrics.reload(result.as === 'refused' ? result.reason : result.as)
        wait(result)
        tell.ofPair(result)
      }
      const lookAtClients = async (authority: ClientAuthority) => {
        const result = await authority.look((pem) => renew(tlsOptions(served.pair, pem)))
        if (result.as === 'swapped') forgetClients()
        if (result.as !== 'unchanged') countClientCa(result.as === 'refused' ? result.reason : result.as)
        tell.ofClients(result)
      }
      const lookAtAll = async () => {
        await lookAtPair()
        if (clients) await lookAtClients(clients)
      }
      look = lookAtAll
      // Asked also while nothing waits, so that it is known since when the bundles are as they are.
      const hasChanged = () => {
        const bundles = textOf(recentTrust())
        return waiting !== undefined && waiting.bundles !== bundles
      }
      timers = [
        setInterval(() => void lookAtAll(), lookEveryMs).unref(),
        setInterval(() => void (hasChanged() && lookAtPair()), waitEveryMs).unref(),
      ]
    },
    async look() {
      await look?.()
    },
    stop() {
      for (const timer of timers) clearInterval(timer)
    },
  }
}

function withHash(pair: { readonly cert: string; readonly key: string }) {
  return { ...pair, hash: hashOf(pair) }
}

function textOf({ bundles }: LiveTrust): string {
  return bundles.join('\0')
}

/** What stays as it is is counted at every look, and told of once. */
function createTeller(log: Follower['log']) {
  let told = ''
  let toldOfClients = ''
  return {
    ofPair(result: Renewed) {
      const said = 'message' in result ? `${result.as}: ${result.message}` : result.as
      if (result.as === 'swapped') log.info('serving a new certificate')
      else if (result.as === 'forced')
        log.error(`serving a new certificate though API servers do not verify it: ${result.message}`)
      else if (said !== told && result.as === 'deferred')
        log.warn(
          `a new certificate waits until the caBundle verifies it, and the old one is served on: ${result.message}`,
        )
      else if (said !== told && result.as === 'refused')
        log.warn(`keeping the certificate that is served: ${result.message}`)
      told = said
    },
    ofClients(result: AuthorityLook) {
      const said = 'message' in result ? result.message : ''
      if (result.as === 'swapped') log.info("other authorities of clients' certificates are in force")
      else if (said !== toldOfClients && said !== '') log.warn(`keeping the authorities of clients: ${said}`)
      toldOfClients = said
    },
  }
}
