import { setImmediate } from 'node:timers/promises'
import {
  type Authority,
  type Found,
  type Held,
  type Leaf,
  type Lives,
  nothingHeld,
} from '../../src/pki/authority-plan.ts'
import { type AuthorityKeeper, createAuthorityKeeper } from '../../src/pki/keep-authority.ts'

/*
 * A Secret, two webhook configurations and some replicas in a time of their own. Every call to the API waits until the test
 * lets it happen, so any order can be had; a replica may be killed at any moment, also between a write and its answer.
 * Certificates are names and periods: who verifies against what is decided by whose name is whose issuer.
 */

/** A call that a replica is waiting for. */
interface Call {
  readonly replica: Replica
  readonly sinceMs: number
  readonly happen: () => void
}

export interface Replica {
  keeper: AuthorityKeeper
  /** Killed and started again so often. */
  generation: number
  isLooking: boolean
  nextLookMs: number
}

export interface Times extends Lives {
  /** Between two looks of a replica. */
  readonly everyMs: number
  /** No call takes longer. */
  readonly slowestMs: number
  /** So much later than a caBundle was changed, the last API server hears of it. */
  readonly lagMs: number
}

interface Version {
  readonly sinceMs: number
  readonly bundle: readonly Authority[]
}

export interface AuthorityWorld {
  nowMs(): number
  readonly replicas: readonly Replica[]
  /** Moves time on, and begins the looks that are due. */
  pass(ms: number): Promise<void>
  /** Lets one of the waiting calls happen: any, but one that has waited too long comes first. */
  happen(choice: number): Promise<void>
  /** All calls that are waiting, and those that follow from them. */
  settle(): Promise<void>
  kill(replica: Replica): Promise<void>
  secret(): Held | undefined
  /** Somebody else writes the Secret: changes it, or deletes it. */
  meddle(change: (held: Held) => Held | undefined): void
  /** Nobody may write this configuration any more. */
  forbid(configuration: number): void
  /** Somebody else writes a caBundle. */
  overwrite(configuration: number, bundle: readonly Authority[]): void
  bundles(): readonly (readonly Authority[])[]
  /** Whoever calls now is told so by some API server and some replica: in words, or undefined. */
  lostCall(): string | undefined
  /** What replicas did, in the order in which they did it. */
  readonly log: readonly string[]
  readonly writes: { created: number }
}

export function createAuthorityWorld(count: number, times: Times): AuthorityWorld {
  let nowMs = 1_000_000
  let made = 0
  let stored: { readonly held: Held; readonly version: number } | undefined
  let version = 0
  const histories: Version[][] = [0, 1].map(() => [{ sinceMs: 0, bundle: [] }])
  const current = (i: number) => histories[i]?.at(-1) ?? { sinceMs: 0, bundle: [] }
  let calls: Call[] = []
  const log: string[] = []
  const writes = { created: 0 }
  const forbidden = new Set<number>()

  const put = (i: number, bundle: readonly Authority[]) => histories[i]?.push({ sinceMs: nowMs, bundle })
  const startReplica = (): Omit<Replica, 'keeper'> => ({ generation: 0, isLooking: false, nextLookMs: nowMs })
  const keeperFor = (replica: Replica, name: string): AuthorityKeeper => {
    const { generation } = replica
    const call = <T>(does: () => T): Promise<T> =>
      new Promise((resolve) => {
        if (replica.generation !== generation) return
        const happen = () => {
          const result = does()
          if (replica.generation === generation) resolve(result)
        }
        calls.push({ replica, sinceMs: nowMs, happen })
      })
    return createAuthorityKeeper({
      lives: times,
      settleMs: times.lagMs,
      now: () => nowMs,
      jitter: 0.5,
      log: (_level, text) => log.push(`${name}: ${text}`),
      readConfigurations: async () =>
        Promise.all(
          histories.map((_, i) =>
            call(() => {
              const seen = current(i)
              return {
                name: `configuration ${i}`,
                entries: [seen.bundle, seen.bundle],
                async trust(authorities: readonly Authority[]) {
                  if (forbidden.has(i)) throw new Error('you may not')
                  return call(() => current(i) === seen && put(i, authorities) !== undefined)
                },
              }
            }),
          ),
        ),
      readSecret: () =>
        call(() => {
          const seen = stored?.version
          const found: Found = stored ? { as: 'ours', held: usable(stored.held, nowMs) } : { as: 'absent' }
          return {
            found,
            write: (held: Held) =>
              call(() => {
                if (stored?.version !== seen) return false
                if (stored === undefined) writes.created++
                stored = { held, version: ++version }
                return true
              }),
          }
        }),
      makeAuthority: async (at) => {
        const id = `authority ${++made}`
        return { authority: { id, pem: id, notBeforeMs: at, notAfterMs: at + times.authorityMs }, key: `key of ${id}` }
      },
      makeLeaf: async (by, at) => {
        const id = `leaf ${++made}`
        const notAfterMs = Math.min(at + times.leafMs, by.authority.notAfterMs)
        return { id, cert: id, key: `key of ${id}`, issuer: by.authority.id, notBeforeMs: at, notAfterMs }
      },
    })
  }
  const replicas: Replica[] = Array.from({ length: count }, (_, i) => {
    const replica = startReplica() as Replica
    replica.keeper = keeperFor(replica, `replica ${i}`)
    return replica
  })
  const look = (replica: Replica) => {
    const { generation } = replica
    replica.isLooking = true
    const ended = () => {
      if (replica.generation !== generation) return
      replica.isLooking = false
      replica.nextLookMs = nowMs + times.everyMs
    }
    void replica.keeper.look().then(ended)
  }
  const happen = async (choice: number) => {
    const late = calls.findIndex(({ sinceMs }) => nowMs - sinceMs >= times.slowestMs)
    const [call] = calls.splice(late >= 0 ? late : choice % Math.max(calls.length, 1), 1)
    call?.happen()
    await setImmediate()
  }
  return {
    nowMs: () => nowMs,
    replicas,
    async pass(ms) {
      nowMs += ms
      for (const replica of replicas) if (!replica.isLooking && replica.nextLookMs <= nowMs) look(replica)
      await setImmediate()
      while (calls.some(({ sinceMs }) => nowMs - sinceMs >= times.slowestMs)) await happen(0)
    },
    happen,
    async settle() {
      while (calls.length > 0) await happen(0)
    },
    async kill(replica) {
      replica.generation++
      calls = calls.filter((call) => call.replica !== replica)
      replica.isLooking = false
      replica.nextLookMs = nowMs
      replica.keeper = keeperFor(replica, `replica ${replicas.indexOf(replica)}`)
      await setImmediate()
    },
    secret: () => stored && usable(stored.held, nowMs),
    meddle(change) {
      const held = stored && change(stored.held)
      stored = held && { held, version: ++version }
    },
    forbid: (i) => void forbidden.add(i),
    overwrite: put,
    bundles: () => histories.map((_, i) => current(i).bundle),
    lostCall() {
      // What some API server may still, or already, go by.
      const trusted = histories.flatMap((history) =>
        history.filter((_, i) => (history[i + 1]?.sinceMs ?? Number.POSITIVE_INFINITY) > nowMs - times.lagMs),
      )
      for (const [i, { keeper }] of replicas.entries()) {
        const leaf = keeper.leaf()
        if (!keeper.isTrusted() || leaf === undefined) continue
        if (leaf.notAfterMs <= nowMs) return `replica ${i} serves ${leaf.id}, which has expired`
        if (trusted.some(({ bundle }) => !verifies(leaf, bundle, nowMs)))
          return `replica ${i} serves ${leaf.id} of ${leaf.issuer}, which not every API server trusts`
      }
      return undefined
    },
    log,
    writes,
  }
}

function verifies(leaf: Leaf, bundle: readonly Authority[], nowMs: number): boolean {
  return bundle.some(({ id, notAfterMs }) => id === leaf.issuer && nowMs < notAfterMs)
}

/** What is left of a Secret when somebody who knows certificates looks at it. */
function usable(held: Held, nowMs: number): Held {
  const { authorities, signing, next, leaf } = held
  const isThere = (id: string | undefined) => authorities.some((one) => one.id === id)
  return {
    ...nothingHeld,
    ...held,
    signing: isThere(signing?.id) ? signing : undefined,
    next: isThere(next?.id) ? next : undefined,
    leaf: leaf && leaf.notAfterMs > nowMs && verifies(leaf, authorities, nowMs) ? leaf : undefined,
  }
}
