import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import type { Replica } from './replica.ts'

/*
 * What kubelet, endpoint controller and the way of the news to the API server do to the Service `meshgate`: readiness is asked
 * for once a second, twice no takes an endpoint out, a Pod that is told to stop is taken out at once, and all of it is known two
 * seconds later.
 */

/** The Service's endpoints, by hand: an EndpointSlice for each replica. */
export interface Endpoints {
  /** Takes a replica in as soon as it is ready, and out whenever it is not. Resolves when the API server knows of it. */
  add(replica: Replica): Promise<void>
  /** As the deletion of its Pod: SIGTERM now, out of the Service a little later. Resolves when it has ended. */
  terminate(replica: Replica): Promise<number | string>
  /** Resolves when the API server has been told this much of the replica. */
  known(replica: Replica, ready: boolean): Promise<void>
  /** No further looks; every replica is killed. */
  stop(): Promise<void>
}

const lagMs = 2000
const probeEveryMs = 1000
const probePatienceMs = 1000
const deadlineMs = 60_000

interface Watched {
  readonly replica: Replica
  failures: number
  terminating: boolean
  /** As the API server knows it. */
  told: boolean
  /** As it is about to. */
  ready: boolean
}

/** The Service that the slices belong to. It has no selector: its endpoints are ours to say. */
export const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'meshgate', namespace: 'meshgate' },
  spec: { ports: [{ name: 'https', port: 443, targetPort: 8443 }] },
}

export function followReplicas(cluster: Cluster): Endpoints {
  const watched = new Map<string, Watched>()
  const path = '/apis/discovery.k8s.io/v1/namespaces/meshgate/endpointslices'
  const nameOf = (replica: Replica) => `meshgate-${replica.address.replaceAll('.', '-')}`
  const tell = async (one: Watched, ready: boolean) => {
    if (one.ready === ready) return
    one.ready = ready
    await pause(lagMs)
    // It may have come to another state meanwhile: whoever brought it there tells of that.
    if (one.ready !== ready) return
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: nameOf(one.replica), labels: { 'kubernetes.io/service-name': 'meshgate' } },
      addressType: 'IPv4',
      ports: [{ name: 'https', port: 8443, protocol: 'TCP' }],
      endpoints: [
        { addresses: [one.replica.address], conditions: { ready, serving: ready, terminating: one.terminating } },
      ],
    }
    const created = await cluster.request('POST', path, JSON.stringify(slice))
    if (created.status === 409) await cluster.request('PUT', `${path}/${nameOf(one.replica)}`, JSON.stringify(slice))
    one.told = ready
  }
  const look = async (one: Watched) => {
    if (one.terminating) return
    const ready = await isReady(one.replica)
    one.failures = ready ? 0 : one.failures + 1
    if (ready) void tell(one, true)
    else if (one.failures >= 2) void tell(one, false)
  }
  const timer = setInterval(() => [...watched.values()].forEach((one) => void look(one)), probeEveryMs)
  const known = async (replica: Replica, ready: boolean) => {
    for (const end = Date.now() + deadlineMs; Date.now() < end; await pause(50))
      if (watched.get(replica.address)?.told === ready) return
    throw new Error(`${replica.address} did not become ${ready ? 'ready' : 'unready'}:\n${replica.output()}`)
  }
  return {
    async add(replica) {
      watched.set(replica.address, { replica, failures: 0, terminating: false, told: false, ready: false })
      await known(replica, true)
    },
    async terminate(replica) {
      const one = watched.get(replica.address)
      if (!one) throw new Error(`${replica.address} was never added`)
      one.terminating = true
      replica.kill('SIGTERM')
      const [status] = await Promise.all([replica.ended, tell(one, false)])
      await cluster.request('DELETE', `${path}/${nameOf(replica)}`)
      watched.delete(replica.address)
      return status
    },
    known,
    async stop() {
      clearInterval(timer)
      for (const { replica } of watched.values()) replica.kill('SIGKILL')
      await Promise.all([...watched.values()].map(({ replica }) => replica.ended))
    },
  }
}

async function isReady(replica: Replica): Promise<boolean> {
  try {
    const answer = await fetch(`${replica.health()}/readyz`, { signal: AbortSignal.timeout(probePatienceMs) })
    return answer.ok
  } catch {
    return false
  }
}
