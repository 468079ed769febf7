import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

/* The story runs in a network namespace of its own, where the addresses of Pods are local and nothing can leave. */

const namespace = [
  '--net',
  '--map-root-user',
  'sh',
  '-c',
  'ip link set lo up && ip route add local 10.244.0.0/16 dev lo && exec "$0" "$@"',
]
const skip =
  process.env['MESHGATE_KIT_BIN'] === undefined
    ? 'set MESHGATE_KIT_BIN to a folder with etcd, kube-apiserver and kubectl'
    : spawnSync('unshare', [...namespace, 'true']).status !== 0 && 'network namespaces cannot be made here'

const long = { perSecond: 50, rounds: 1, stopSeconds: 12, floodSeconds: 6, gapSeconds: [] }
const story = [process.execPath, join(import.meta.dirname, 'availability-story.ts'), JSON.stringify(long)]
await t.spawn('unshare', [...namespace, ...story], { skip, timeout: 300_000 }, 'availability')
