import { choicesIn, createChoiceMemory } from '../admission/choices.ts'
import { configurationDrift, type Drift, type Registration } from '../admission/drift.ts'
import type { OwnNames } from '../admission/own-configurations.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Metrics } from './metrics.ts'
import type { SelfLog, Watch } from './watch.ts'

export interface DriftWatchOptions {
  readonly own: OwnNames
  readonly snapshot: Snapshot
  /** What must be registered. */
  readonly registration: Registration
  readonly metrics: Metrics
  readonly log: SelfLog
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
}

/**
 * Looks whether our two webhook configurations are as they were installed. No webhook is asked about them, so nobody can be kept
 * from changing them; and nothing is mended here.
 */
export function watchDrift({ own, snapshot, registration, metrics, log, nowMs }: DriftWatchOptions): Watch {
  const gauge = metrics.gauge(
    'meshgate_configuration_drift',
    'In what way a webhook configuration of meshgate is not as it was installed. Absent while it is.',
    'configuration',
    'reason',
  )
  const memory = createChoiceMemory()
  let drifts: readonly Drift[] = []
  let unusual: readonly string[] = []
  return {
    async look() {
      const before = new Set(drifts.map(lineOf))
      const choices = choicesIn(snapshot, own, registration)
      drifts = [...configurationDrift(snapshot, own, registration), ...memory.changes(choices, nowMs())]
      unusual = choices.flatMap(({ configuration, entry, unusual }) =>
        unusual === undefined ? [] : [`choice: ${configuration}: ${entry}: ${unusual}`],
      )
      gauge.clear()
      for (const { configuration, reason } of drifts) gauge.set(1, { configuration, reason })
      const now = new Set(drifts.map(lineOf))
      for (const line of now.difference(before)) log.error(`not as installed: ${line}`)
      for (const line of before.difference(now)) log.info(`as installed again: ${line}`)
    },
    lines: () => [...drifts.map((drift) => `drift: ${lineOf(drift)}`), ...unusual],
    unready: () => [],
  }
}

function lineOf({ configuration, text }: Drift): string {
  return `${configuration}: ${text}`
}
