import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Court } from './admission/judge.ts'
import { watchedKinds } from './admission/registration.ts'
import { keepWarm } from './admission/warm.ts'
import type { CredentialSource } from './cluster/credentials.ts'
import type { LiveWorld } from './cluster/live-world.ts'
import type { Config } from './config/config.ts'
import type { ConfigSource } from './config/load.ts'
import { followConfig } from './config/reload.ts'
import { type Snapshot, snapshotOf } from './core/snapshot.ts'
import { anchorGauge, certificateGauges } from './linkerd/certificates/certificate-gauges.ts'
import type { LinkerdSettings } from './linkerd/settings.ts'
import { loadPaths } from './manifests/load.ts'
import { createCertificateWorld } from './pki/certificate-world.ts'
import { makeSelfSigned } from './pki/self-signed.ts'
import { type CertificateWatchOptions, watchCertificates } from './pki/watch-certificates.ts'
import { rules } from './rules/index.ts'
import { buildApp } from './server/app.ts'
import { type PairFiles, readPair } from './server/certificate-files.ts'
import { provePair } from './server/certificate-pair.ts'
import { createMetrics } from './server/metrics.ts'
import type { Log } from './server/plain-log.ts'
import { createReloader, tlsOptions } from './server/tls.ts'
import { createWarming, type Warming } from './server/warming.ts'

/** How to run the webhook. */
export interface WebhookOptions {
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  /** Without files, a pair is made. */
  readonly files: PairFiles | undefined
  /** What API servers call the webhook by. The certificate must be good for them, or is made so. */
  readonly names: readonly string[]
  /** The cluster that is followed: it is the surroundings of every review. */
  readonly cluster?: CredentialSource | undefined
  /** Without a cluster: manifests of the surrounding objects. Without any, rules know only the object under review. */
  readonly snapshot: readonly string[]
  readonly config: Config
  /** The file that `config` was read from; it is followed. */
  readonly configSource?: ConfigSource | undefined
  /** How what Linkerd's webhooks serve is looked at: by their Services' names every 20 s, unless this says otherwise. */
  readonly certificateLook?: Pick<CertificateWatchOptions, 'everyMs' | 'resolve' | 'timeoutMs'>
  /** Milliseconds since 1970, for exemptions and certificates; the wall clock unless another one is given. */
  readonly now?: () => number
  readonly log?: Log
  /** For so long, a replica that has not read the cluster is not ready (a minute). */
  readonly patienceMs?: number
}

/** A running webhook. */
export interface Webhook {
  readonly url: string
  /** PEM of the CA that signed the self-made certificate; undefined with files. */
  readonly ca: string | undefined
  /** Looks at the certificate files and the configuration now, rather than at the next tick. */
  reload(): Promise<void>
  /**
   * Stops gracefully: in `drainMs`, kept connections and Services learn that this replica goes; then the server closes.
   * Who is still sending `closeMs` after that (10 s) is cut off.
   */
  stop(drainMs: number, closeMs?: number): Promise<void>
}

const reloadEveryMs = 10_000

/** At 200 changes a second, twenty at a time. */
const warmEveryMs = 100

/** A replica that cannot read the cluster is ready all the same after a while: what it can judge is better than nothing. */
const usualPatienceMs = 60_000

/**
 * Of two objects that are applied together, the second is judged some milliseconds after the first was stored, and before the
 * watch has told of it, perhaps. Denials are rare, and may take so long.
 */
const settleMs = 300

/**
 * Configuration → certificates → surroundings → server.
 *
 * @throws when the certificate files cannot be served, or a snapshot path cannot be read
 */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { host, port, files, names, log, patienceMs = usualPatienceMs } = options
  const made = files ? undefined : makeSelfSigned(names, new Date())
  const pair = files ? await readPair(files) : { ...(made ?? { cert: '', key: '' }), hash: '' }
  const leaf = await provePair(pair, names, new Date())
  const metrics = createMetrics()
  metrics.certificate(leaf.validToDate)
  const live = followConfig(
    options.config,
    options.configSource,
    rules.map((rule) => rule.id),
  )
  metrics.configReload('unchanged', new Date())
  const certificates = createCertificateWorld(options.now ?? Date.now)
  const world = options.cluster && (await follow(options.cluster, options.config, { certificates }))
  const snapshot = world?.snapshot ?? (await snapshotFrom(options.snapshot))
  const certificateWatch =
    world && watchCertificates({ ...options.certificateLook, snapshot: world.snapshot, sink: certificates.put })
  if (world) {
    metrics.watchCluster(() => world.health())
    const settings = () => world.configWith(live.current).linkerd
    metrics.watchLinkerdCertificates(() => certificateGauges(world.snapshot, settings()))
    metrics.watchTrustAnchors(() => anchorGauge(world.trustRoots(), settings()))
  }
  const started = Date.now()
  const served = { notAfter: leaf.validToDate }

  const court = {
    rules,
    snapshot,
    get config() {
      return world?.configWith(live.current) ?? live.current
    },
  }
  const app = buildApp({
    court,
    metrics,
    clock,
    ...(options.now ? { now: options.now } : {}),
    tls: tlsOptions(pair),
    unready: () => [
      ...(served.notAfter <= new Date() ? [`the certificate expired on ${served.notAfter.toISOString()}`] : []),
      ...(world && Date.now() - started < patienceMs ? world.troubles() : []),
    ],
    troubles: () => world?.troubles() ?? [],
    ...(world ? { settle: () => setTimeout(settleMs) } : {}),
    ...(log ? { log } : {}),
  })
  const { server } = app

  const reloader =
    files &&
    createReloader({
      read: () => readPair(files),
      hash: pair.hash,
      names,
      serve(next, nextLeaf) {
        app.renew(tlsOptions(next))
        metrics.certificate(nextLeaf.validToDate)
        served.notAfter = nextLeaf.validToDate
      },
      now: () => new Date(),
    })
  let told = ''
  const reloadConfig = async () => {
    const look = await live.poll()
    metrics.configReload(look.result, new Date())
    if (look.result === 'success') server.log.info('a new configuration is in force')
    else if ('news' in look && look.news)
      server.log.error(`${look.message}; the last good configuration stays in force until the file is right again`)
  }
  const reload = async () => {
    await reloadConfig()
    const result = (await reloader?.poll()) ?? 'unchanged'
    const said = typeof result === 'string' ? result : result.message
    if (result !== 'unchanged') metrics.reload(typeof result === 'string' ? result : result.failed)
    // A pair that stays bad is counted at every look, and told of once.
    if (result === 'swapped') server.log.info('serving a new certificate')
    else if (said !== told && typeof result !== 'string')
      server.log.warn(`keeping the certificate that is served: ${said}`)
    told = said
  }
  const timer = setInterval(() => void reload(), reloadEveryMs)
  timer.unref()
  const warm = world && warmingOf(world, court, clock)
  const warmTimer = warm && setInterval(() => warm.tick(), warmEveryMs)
  warmTimer?.unref()

  await server.listen({ host, port })
  const { port: bound } = server.server.address() as AddressInfo
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    ca: made?.ca,
    reload,
    async stop(drainMs, closeMs = 10_000) {
      app.drain()
      clearInterval(timer)
      clearInterval(warmTimer)
      await setTimeout(drainMs)
      const closed = server.close()
      // A closed server no longer looks for requests that take too long.
      const cutOff = new AbortController()
      void setTimeout(closeMs, undefined, { signal: cutOff.signal }).then(
        () => server.server.closeAllConnections(),
        () => undefined,
      )
      await closed
      cutOff.abort()
      certificateWatch?.stop()
      await world?.stop()
    },
  }
}

/** What reviews keep of the cluster, corrected as it changes; not while it is still being read, which would be work for nothing. */
function warmingOf(world: LiveWorld, court: Omit<Court, 'now'>, clock: () => number): Warming {
  const isRead = () => [...world.health().values()].every(({ synced, error }) => synced || error !== undefined)
  return createWarming(
    () => (isRead() ? [world.snapshot.now, court.config] : []),
    () => {
      try {
        keepWarm({ ...court, now: Date.now() })
      } catch {
        // The next review does the same, fails, and says so.
      }
    },
    clock,
  )
}

function clock(): number {
  return performance.now() / 1000
}

/** Loaded only where there is a cluster: `check` and its like start without. */
async function follow(
  credentials: CredentialSource,
  config: Config,
  besides: Partial<LinkerdSettings>,
): Promise<LiveWorld> {
  const { followCluster } = await import('./cluster/live-world.ts')
  return followCluster({
    credentials,
    kinds: watchedKinds(rules),
    linkerdNamespace: config.linkerd.controlPlaneNamespace,
    besides,
  })
}

async function snapshotFrom(paths: readonly string[]): Promise<Snapshot> {
  if (paths.length === 0) return snapshotOf([], 'nothing')
  const loaded = await loadPaths(paths, {})
  const [failure] = loaded.failures
  if (failure) throw new Error(`snapshot: ${failure.file}:${failure.line}:${failure.column}: ${failure.text}`)
  return snapshotOf(loaded.resources, 'input')
}
