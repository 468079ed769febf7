import { setTimeout } from 'node:timers/promises'
import { watchedKinds } from './admission/registration.ts'
import type { CredentialSource } from './cluster/credentials.ts'
import type { DryRun } from './cluster/dry-run.ts'
import type { Config } from './config/config.ts'
import { type Snapshot, snapshotOf } from './core/snapshot.ts'
import type { CertificateReader } from './linkerd/certificate.ts'
import { anchorGauge, certificateGauges } from './linkerd/certificate-gauges.ts'
import { loadPaths } from './manifests/load.ts'
import { createCertificateWorld } from './pki/certificate-world.ts'
import { type CertificateWatchOptions, watchCertificates } from './pki/watch-certificates.ts'
import { rules } from './rules/index.ts'
import type { Metrics } from './server/metrics.ts'

/** What surrounds the objects under review, and what can be said of it. */
export interface Surroundings {
  readonly snapshot: Snapshot
  readonly reader: CertificateReader
  /** Asks the cluster that is followed, if one is, what would happen. */
  readonly dryRun: DryRun | undefined
  /** The configuration with what the cluster says of its Linkerd. */
  configWith(config: Config): Config
  /** What is not known, and why: a line each. */
  troubles(): readonly string[]
  /** What a denial waits for; undefined where nothing can change. */
  readonly settle: (() => Promise<unknown>) | undefined
  stop(): Promise<void>
}

export interface SurroundingsOptions {
  /** The cluster to follow. */
  readonly cluster: CredentialSource | undefined
  /** Without a cluster: manifests. Without any, nothing is known. */
  readonly paths: readonly string[]
  /** As it is now. */
  readonly config: () => Config
  readonly certificateLook: Pick<CertificateWatchOptions, 'everyMs' | 'resolve' | 'timeoutMs'> | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly metrics: Metrics
}

/**
 * Of two objects that are applied together, the second is judged some milliseconds after the first was stored, and before the
 * watch has told of it, perhaps. Denials are rare, and may take so long.
 */
const settleMs = 300

/**
 * Begins to follow the cluster, or reads the manifests.
 *
 * @throws when a manifest cannot be read
 */
export async function openSurroundings(options: SurroundingsOptions): Promise<Surroundings> {
  const { cluster, paths, config, now, metrics } = options
  const certificates = createCertificateWorld(now)
  const { reader } = certificates
  if (cluster === undefined) {
    const snapshot = await snapshotFrom(paths)
    return {
      snapshot,
      reader,
      dryRun: undefined,
      configWith: (config) => config,
      troubles: () => [],
      settle: undefined,
      stop: async () => undefined,
    }
  }
  // Loaded only where there is a cluster: `check` and its like start without.
  const [{ followCluster }, { createDryRun }] = await Promise.all([
    import('./cluster/live-world.ts'),
    import('./cluster/dry-run.ts'),
  ])
  const world = followCluster({
    credentials: cluster,
    kinds: watchedKinds(rules),
    linkerdNamespace: config().linkerd.controlPlaneNamespace,
    besides: { certificates },
  })
  const { snapshot } = world
  const watch = watchCertificates({ ...options.certificateLook, snapshot, sink: certificates.put })
  metrics.watchCluster(() => world.health())
  const settings = () => world.configWith(config()).linkerd
  metrics.watchLinkerdCertificates(() => certificateGauges(snapshot, settings()))
  metrics.watchTrustAnchors(() => anchorGauge(world.trustRoots(), settings()))
  return {
    snapshot,
    reader,
    dryRun: createDryRun(cluster),
    configWith: (config) => world.configWith(config),
    troubles: () => world.troubles(),
    settle: () => setTimeout(settleMs),
    async stop() {
      watch.stop()
      await world.stop()
    },
  }
}

async function snapshotFrom(paths: readonly string[]): Promise<Snapshot> {
  if (paths.length === 0) return snapshotOf([], 'nothing')
  const loaded = await loadPaths(paths, {})
  const [failure] = loaded.failures
  if (failure) throw new Error(`snapshot: ${failure.file}:${failure.line}:${failure.column}: ${failure.text}`)
  return snapshotOf(loaded.resources, 'input')
}
