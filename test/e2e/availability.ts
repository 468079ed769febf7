import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { skipWithout } from './kit.ts'

/** How much of it. */
export interface AvailabilityOptions {
  readonly perSecond: number
  /** Of a rolling restart of both replicas. */
  readonly rounds: number
  /** For which one replica stands still. */
  readonly stopSeconds: number
  readonly floodSeconds: number
  /** Pauses after which a kept connection is used again. */
  readonly gapSeconds: readonly number[]
}

/** Runs availability-story.ts in a network namespace of its own, where the addresses of Pods are local and nothing can leave. */
export async function spawnAvailability(options: AvailabilityOptions): Promise<void> {
  const namespace = [
    '--net',
    '--map-root-user',
    'sh',
    '-c',
    'ip link set lo up && ip route add local 10.244.0.0/16 dev lo && exec "$0" "$@"',
  ]
  const skip =
    skipWithout('etcd, kube-apiserver and kubectl') ||
    (spawnSync('unshare', [...namespace, 'true']).status !== 0 && 'network namespaces cannot be made here')
  const story = [process.execPath, join(import.meta.dirname, 'availability-story.ts'), JSON.stringify(options)]
  await t.spawn('unshare', [...namespace, ...story], { skip, timeout: 3_600_000 }, 'availability')
}
