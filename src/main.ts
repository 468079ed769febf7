import { hash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type OwnNames, ownBundles, ownDnsName } from './admission/own-configurations.ts'
import { mutatingWebhooks, validatingWebhooks } from './admission/registration.ts'
import { keepWarm } from './admission/warm.ts'
import type { CredentialSource } from './cluster/credentials.ts'
import type { Config } from './config/config.ts'
import type { ConfigSource } from './config/load.ts'
import { followConfig } from './config/reload.ts'
import { openOwnAuthority } from './own-authority.ts'
import type { Lives } from './pki/authority-plan.ts'
import type { CertificateWatchOptions } from './pki/watch-certificates.ts'
import { rules } from './rules/index.ts'
import { buildApp } from './server/app.ts'
import { startCertificate } from './server/certificate-life.ts'
import type { PairSource } from './server/certificate-pair.ts'
import { createMetrics } from './server/metrics.ts'
import type { Log } from './server/plain-log.ts'
import { type SelfWatch, type SelfWatchTimes, watchSelf } from './server/self-watch.ts'
import { createWarming } from './server/warming.ts'
import { openSurroundings } from './surroundings.ts'

/** How to run the webhook. */
export interface WebhookOptions {
  readonly host: string
  /** 0 is any free port. */
  readonly port: number
  /** For /livez, /readyz and /metrics by plain HTTP, beside the webhook's own; 0 is any free one. */
  readonly healthPort?: number | undefined
  /** Where the certificate comes from. Without, one is made. */
  readonly source?: PairSource | undefined
  /** Instead of a source: the Secret, beside us, in which all replicas keep an authority of their own. */
  readonly selfSigned?: { readonly secret: string; readonly lives: Lives } | undefined
  /** What API servers call the webhook by. The certificate must be good for them, or is made so. */
  readonly names: readonly string[]
  /** Only clients with a certificate of an authority in this file, and with one of these names (any without), are let in. */
  readonly clients?: { readonly caFile: string; readonly names: readonly string[] } | undefined
  /** The cluster that is followed: it is the surroundings of every review. */
  readonly cluster?: CredentialSource | undefined
  /** What the cluster knows this webhook by; undefined where it does not. By it, it watches how API servers see it. */
  readonly own?: OwnNames | undefined
  /** The name of its Pod. */
  readonly pod?: string | undefined
  readonly selfWatchTimes?: Partial<SelfWatchTimes>
  /** Without a cluster: manifests of the surrounding objects. Without any, rules know only the object under review. */
  readonly snapshot: readonly string[]
  readonly config: Config
  /** The file that `config` was read from; it is followed. */
  readonly configSource?: ConfigSource | undefined
  /** How what Linkerd's webhooks serve is looked at: by their Services' names every 20 s, unless this says otherwise. */
  readonly certificateLook?: Pick<CertificateWatchOptions, 'everyMs' | 'resolve' | 'timeoutMs'>
  /** Milliseconds since 1970, for exemptions and Linkerd's certificates; the wall clock unless another one is given. */
  readonly now?: () => number
  readonly log?: Log
  /** For so long, a replica that has not read the cluster is not ready (a minute). */
  readonly patienceMs?: number
}

/** A running webhook. */
export interface Webhook {
  readonly url: string
  /** Of the health port; undefined without one. */
  readonly healthUrl: string | undefined
  /** PEM of the CA that signed the self-made certificate; undefined where there is a source of pairs. */
  readonly ca: string | undefined
  /** Looks at the certificate and the configuration now, rather than at the next tick. */
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
 * Configuration → certificate → surroundings → server.
 *
 * @throws when the certificate cannot be served, or a snapshot path cannot be read
 */
export async function startWebhook(options: WebhookOptions): Promise<Webhook> {
  const { host, port, healthPort, names, clients, own, log, patienceMs = usualPatienceMs } = options
  const now = options.now ?? Date.now
  const metrics = createMetrics()
  const { selfSigned, cluster: credentials } = options
  const authority =
    selfSigned && own && credentials
      ? await openOwnAuthority({ ...selfSigned, credentials, own, names, metrics, patienceMs })
      : undefined
  const source = authority?.source ?? options.source
  const certificate = await startCertificate({
    source,
    names,
    clientCaFile: clients?.caFile,
    metrics,
    now: () => new Date(),
  })
  const live = followConfig(
    options.config,
    options.configSource,
    rules.map((rule) => rule.id),
  )
  metrics.configReload('unchanged', new Date())
  const { cluster, snapshot: paths, certificateLook } = options
  const config = () => live.current
  const surroundings = await openSurroundings({ cluster, paths, config, certificateLook, now, metrics })
  const { snapshot, reader, settle } = surroundings
  const started = Date.now()
  let selfWatch: SelfWatch | undefined

  const court = {
    rules,
    digest,
    snapshot,
    get config() {
      return surroundings.configWith(live.current)
    },
  }
  const app = buildApp({
    court,
    metrics,
    clock,
    now,
    tls: certificate.tls,
    ...(options.pod === undefined ? {} : { pod: options.pod }),
    ...(clients ? { clientNames: clients.names } : {}),
    unready: () => [
      ...certificate.unready(),
      ...(authority?.unready() ?? []),
      ...(selfWatch?.unready() ?? []),
      ...(Date.now() - started < patienceMs ? surroundings.troubles() : []),
    ],
    troubles: () => [
      ...surroundings.troubles(),
      ...certificate.lines(),
      ...(authority?.lines() ?? []),
      ...(selfWatch?.lines() ?? []),
    ],
    ...(settle ? { settle } : {}),
    ...(log ? { log } : {}),
  })
  const { server, health } = app
  certificate.follow({
    ...app,
    log: server.log,
    reader,
    trust: () =>
      own ? { bundles: ownBundles(snapshot, own), dnsName: ownDnsName(own) } : { bundles: [], dnsName: '' },
  })
  authority?.follow({ log: server.log, renewed: () => certificate.look() })
  const reloadConfig = async () => {
    const look = await live.poll()
    metrics.configReload(look.result, new Date())
    if (look.result === 'success') server.log.info('a new configuration is in force')
    else if ('news' in look && look.news)
      server.log.error(`${look.message}; the last good configuration stays in force until the file is right again`)
  }
  const timer = setInterval(() => void reloadConfig(), reloadEveryMs)
  timer.unref()
  // What reviews keep of the cluster is corrected as it changes; not while it is still being read, which would be work for nothing.
  const warming = createWarming(
    () => (surroundings.isRead() ? [snapshot.now, court.config] : []),
    () => {
      try {
        keepWarm({ ...court, digest: undefined, now: now() })
      } catch {
        // The next review does the same, fails, and says so.
      }
    },
    clock,
  )
  const warmTimer = setInterval(() => warming.tick(), warmEveryMs)
  warmTimer.unref()

  await server.listen({ host, port })
  if (healthPort !== undefined) await health.listen({ host, port: healthPort })
  const { port: bound } = server.server.address() as AddressInfo
  if (own && surroundings.dryRun)
    selfWatch = watchSelf({
      own,
      snapshot,
      reader,
      registration: { validating: validatingWebhooks(rules), mutating: mutatingWebhooks(rules) },
      dryRun: surroundings.dryRun,
      host,
      port: bound,
      mendsBundles: source?.mendsBundles === true,
      metrics,
      log: server.log,
      nowMs: Date.now,
      times: options.selfWatchTimes,
    })
  else if (surroundings.dryRun)
    server.log.info('nothing watches how API servers see this webhook: it does not know its namespace (POD_NAMESPACE)')
  const home = host.includes(':') ? `[${host}]` : host
  return {
    url: `https://${home}:${bound}`,
    healthUrl: healthPort === undefined ? undefined : `http://${home}:${(health.server.address() as AddressInfo).port}`,
    ca: certificate.ca,
    async reload() {
      await reloadConfig()
      await certificate.look()
    },
    async stop(drainMs, closeMs = 10_000) {
      app.drain()
      clearInterval(timer)
      clearInterval(warmTimer)
      certificate.stop()
      authority?.stop()
      selfWatch?.stop()
      await setTimeout(drainMs)
      const closed = Promise.all([server.close(), health.close()])
      // A closed server no longer looks for requests that take too long.
      const cutOff = new AbortController()
      void setTimeout(closeMs, undefined, { signal: cutOff.signal }).then(
        () => [server, health].forEach((one) => one.server.closeAllConnections()),
        () => undefined,
      )
      await closed
      cutOff.abort()
      await surroundings.stop()
    },
  }
}

function clock(): number {
  return performance.now() / 1000
}

function digest(text: string): string {
  return hash('sha256', text, 'base64')
}
