import type { Registration } from '../admission/drift.ts'
import { type OwnNames, ownKinds, ownTrust } from '../admission/own-configurations.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { CertificateReader } from '../linkerd/certificates/certificate.ts'
import { type CanaryWatchOptions, watchCanary } from './canary-watch.ts'
import { watchDrift } from './drift-watch.ts'
import type { Metrics } from './metrics.ts'
import { watchTrust } from './trust-watch.ts'
import type { SelfLog, Watch } from './watch.ts'

/** How often each look is taken, and how long a replica that nobody trusts stays ready. */
export interface SelfWatchTimes {
  readonly trustEveryMs: number
  readonly canaryEveryMs: number
  readonly driftEveryMs: number
  readonly unreadyAfterMs: number
}

/** Trouble with trust is to be known within three minutes, drift within one; a look is cheap. */
const usualTimes: SelfWatchTimes = {
  trustEveryMs: 15_000,
  canaryEveryMs: 30_000,
  driftEveryMs: 15_000,
  unreadyAfterMs: 120_000,
}

export interface SelfWatchOptions {
  readonly own: OwnNames
  readonly snapshot: Snapshot
  readonly reader: CertificateReader
  /** What must be registered. */
  readonly registration: Registration
  /** Asks the API server what would happen; undefined where nobody can be asked. */
  readonly dryRun: { readonly create: CanaryWatchOptions['tryToCreate'] } | undefined
  /** Where this replica listens. */
  readonly host: string
  readonly port: number
  /** Does this process write the caBundle itself? Then it must stay ready to do so. */
  readonly mendsBundles: boolean
  readonly metrics: Metrics
  readonly log: SelfLog
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly times?: Partial<SelfWatchTimes> | undefined
}

export interface SelfWatch extends Watch {
  stop(): void
}

/**
 * Watches how API servers see this webhook. Nothing else tells: with failurePolicy Ignore a webhook that is not called is not
 * missed, health probes do not verify certificates, and kept connections hide that they have expired.
 */
export function watchSelf(options: SelfWatchOptions): SelfWatch {
  const { own, snapshot, dryRun, mendsBundles } = options
  const times = { ...usualTimes, ...options.times }
  const trust = watchTrust({
    ...options,
    inForce: () => ownTrust(snapshot, own),
    isCurrent: () => ownKinds.every((kind) => snapshot.trouble(kind) === undefined),
    unreadyAfterMs: mendsBundles ? undefined : times.unreadyAfterMs,
  })
  const canaryBy = ({ create }: { create: CanaryWatchOptions['tryToCreate'] }) =>
    watchCanary({ ...options, namespace: own.namespace, tryToCreate: create })
  const watches: readonly (readonly [Watch, everyMs: number])[] = [
    [trust, times.trustEveryMs],
    [watchDrift(options), times.driftEveryMs],
    ...(dryRun === undefined ? [] : [[canaryBy(dryRun), times.canaryEveryMs] as const]),
  ]
  const timers = watches.map(([watch, everyMs]) => {
    let isBusy = false
    const look = async () => {
      if (isBusy) return
      isBusy = true
      try {
        await watch.look()
      } catch (error) {
        options.log.error(`a look at itself failed: ${error instanceof Error ? error.message : String(error)}`)
      }
      isBusy = false
    }
    void look()
    return setInterval(() => void look(), everyMs).unref()
  })
  return {
    async look() {
      await Promise.all(watches.map(([watch]) => watch.look()))
    },
    lines: () => watches.flatMap(([watch]) => watch.lines()),
    unready: () => watches.flatMap(([watch]) => watch.unready()),
    stop() {
      for (const timer of timers) clearInterval(timer)
    },
  }
}
