import { setTimeout } from 'node:timers/promises'
import { type OwnNames, ownDnsName } from './admission/own-configurations.ts'
import type { CredentialSource } from './cluster/credentials.ts'
import type { OwnStores } from './cluster/own-stores.ts'
import type { Authority, Held, Lives } from './pki/authority-plan.ts'
import { authoritiesIn, ownShare, readSecret, writeSecret } from './pki/authority-secret.ts'
import { makeAuthority, makeLeaf } from './pki/issue-certificate.ts'
import { type AuthorityKeeper, createAuthorityKeeper, type KeeperHealth } from './pki/keep-authority.ts'
import { type CertificatePair, hashOf, type PairSource } from './server/certificate-pair.ts'
import type { Metrics } from './server/metrics.ts'

/** How the webhook makes its own certificate, in a cluster. */
export interface OwnAuthorityOptions {
  readonly credentials: CredentialSource
  /** Name of the Secret, in the webhook's own namespace. */
  readonly secret: string
  readonly own: OwnNames
  /** What the certificate is good for. */
  readonly names: readonly string[]
  readonly lives: Lives
  readonly metrics: Metrics
  /** For so long, a replica that is not trusted yet is not ready. */
  readonly patienceMs: number
}

/** The server that is told. */
export interface AuthorityFollower {
  readonly log: Record<'info' | 'warn', (text: string) => void>
  /** There is another pair to serve. */
  readonly renewed: () => Promise<void>
}

/** An authority in a Secret that all replicas look after together. */
export interface OwnAuthority {
  readonly source: PairSource
  unready(): readonly string[]
  /** What is known of it, a line each. */
  lines(): readonly string[]
  follow(follower: AuthorityFollower): void
  stop(): void
}

const dayMs = 24 * 3600 * 1000

/** A CA for ten years, a certificate for 90 days, and ten minutes for API servers to hear of a new CA. */
export const usualLives: Lives = { authorityMs: 3650 * dayMs, leafMs: 90 * dayMs, overlapMs: 600_000 }

/** What a caBundle lost is to be back within a minute, whoever looks next. */
const longestPauseMs = 20_000
const shortestPauseMs = 500

/** While something is missing that is about to come. */
const impatientPauseMs = 2000

/** Helm makes webhook configurations after what they lead to; until they hold the CA, calls fail. */
const installMs = 300_000

/** API servers read their configuration from a watch, and so much later they have at the latest. */
const longestSettleMs = 2000

/** The server begins without: it can say what is wrong. */
const firstLookMs = 10_000

/** What the names of a Service's certificate are (facts of Kubernetes' DNS: an API server asks for the first). */
export function namesOfService(own: OwnNames): string[] {
  return [ownDnsName(own), `${ownDnsName(own)}.cluster.local`]
}

/**
 * Looks after the authority from now on. Answers when the first look is done, or takes too long: until there is a certificate
 * that somebody trusts, one is served that nobody does.
 */
export async function openOwnAuthority(options: OwnAuthorityOptions): Promise<OwnAuthority> {
  const { secret: name, own, names, lives, metrics, patienceMs } = options
  const stopping = new AbortController()
  const { signal } = stopping
  // Loaded only where there is a cluster: `check` and its like start without.
  const { openOwnStores } = await import('./cluster/own-stores.ts')
  const { namespace } = own
  const stores = openOwnStores(options.credentials, { namespace, name, share: ownShare }, own)
  const said: (readonly ['info' | 'warn', string])[] = []
  let follower: AuthorityFollower | undefined
  const keeper = createAuthorityKeeper({
    ...readersOf(stores, names, signal),
    makeAuthority: (nowMs) => makeAuthority(nowMs, lives.authorityMs),
    makeLeaf: (by, nowMs) => makeLeaf(by, names, nowMs, lives.leafMs),
    lives,
    settleMs: Math.min(longestSettleMs, lives.overlapMs),
    now: Date.now,
    jitter: Math.random(),
    log(level, text) {
      if (signal.aborted) return
      if (follower) follower.log[level](`self-signed: ${text}`)
      else said.push([level, `self-signed: ${text}`])
    },
  })
  const record = createRecorder(metrics)
  const pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, lives.overlapMs / 10))
  let served = keeper.leaf()?.id
  const lookOnce = async () => {
    await keeper.look()
    record(keeper.health())
    if (served === keeper.leaf()?.id) return
    served = keeper.leaf()?.id
    try {
      await follower?.renewed()
    } catch (error) {
      follower?.log.warn(`self-signed: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const startedMs = Date.now()
  const isComplete = () =>
    keeper.leaf() !== undefined &&
    keeper.isTrusted() &&
    (keeper.health().configurations === 2 || Date.now() - startedMs > installMs)
  const lookAgainAndAgain = async (first: Promise<void>) => {
    await first
    while (!signal.aborted) {
      // Replicas that were started together should not always look together.
      const ms = (isComplete() ? pauseMs : Math.min(pauseMs, impatientPauseMs)) * (0.8 + 0.2 * Math.random())
      await setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined)
      if (!signal.aborted) await lookOnce()
    }
  }
  const first = lookOnce()
  void lookAgainAndAgain(first)
  await Promise.race([first, setTimeout(firstLookMs, undefined, { signal, ref: false }).catch(() => undefined)])
  const nobodys = keeper.leaf() ? undefined : await pairForNobody(names)

  return {
    source: {
      mendsBundles: true,
      async read() {
        const pair = keeper.leaf() ?? nobodys
        if (pair === undefined) throw new Error('there is no certificate yet')
        return { cert: pair.cert, key: pair.key, hash: hashOf(pair) }
      },
    },
    unready: () => whyUnready(keeper, Date.now() - startedMs < patienceMs),
    lines: () => linesOf(keeper.health()),
    follow(next) {
      follower = next
      for (const [level, text] of said.splice(0)) next.log[level](text)
      // What came between the first read and now.
      void next.renewed()
    },
    stop() {
      stopping.abort()
      stores.close()
    },
  }
}

function readersOf({ secret, bundles }: OwnStores, names: readonly string[], signal: AbortSignal) {
  return {
    async readSecret() {
      const state = await secret.read(signal)
      return {
        found: readSecret(state, names, Date.now()),
        write: (held: Held) => secret.write(state, writeSecret(held), signal),
      }
    },
    async readConfigurations() {
      const configurations = await bundles.read(signal)
      return configurations.map((configuration) => ({
        name: configuration.name,
        entries: configuration.caBundles.map(authoritiesIn),
        trust: (authorities: readonly Authority[]) =>
          bundles.trust(configuration, authorities.map(({ pem }) => pem).join(''), signal),
      }))
    },
  }
}

/** For TLS to have something to shake hands with. */
async function pairForNobody(names: readonly string[]): Promise<CertificatePair> {
  const nowMs = Date.now()
  return makeLeaf(await makeAuthority(nowMs, dayMs), names, nowMs, dayMs)
}

function whyUnready(keeper: AuthorityKeeper, isPatient: boolean): string[] {
  const { troubles } = keeper.health()
  if (keeper.leaf() === undefined)
    return [`self-signed: there is no certificate yet${troubles.length > 0 ? `: ${troubles.join('; ')}` : ''}`]
  // Whoever waits for ever for a configuration that is installed after it is ready would wait in vain.
  return keeper.isTrusted() || !isPatient ? [] : ['self-signed: not every caBundle holds the CA yet']
}

function linesOf({ authorities, authorityNotAfterMs, troubles }: KeeperHealth): string[] {
  const ends = authorityNotAfterMs === undefined ? 'none' : `ends ${new Date(authorityNotAfterMs).toISOString()}`
  return [`CA: ${ends}, ${authorities} in the bundle`, ...troubles.map((text) => `self-signed: ${text}`)]
}

function createRecorder(metrics: Metrics): (health: KeeperHealth) => void {
  const expiry = metrics.gauge(
    'meshgate_self_ca_expiry_timestamp_seconds',
    'When the certificate authority that signs expires. It is replaced in the last third of its life.',
  )
  const certificates = metrics.gauge(
    'meshgate_self_ca_bundle_certificates',
    'Certificate authorities in the bundle: one, and two or more while they change.',
  )
  const foreign = metrics.gauge(
    'meshgate_self_secret_foreign',
    'Whether the Secret was made by somebody else: then it is left alone, and there is no certificate.',
  )
  const lastGood = metrics.gauge(
    'meshgate_self_last_good_timestamp_seconds',
    'When the Secret and the caBundles were last seen to be as they should be.',
  )
  const countWrite = createTally(
    metrics.counter(
      'meshgate_self_secret_writes_total',
      'Writes of the Secret, by result; in a conflict another replica was faster, and its Secret is adopted.',
      'result',
      ['created', 'updated', 'conflict', 'failed'],
    ),
  )
  const countPatch = createTally(
    metrics.counter(
      'meshgate_self_ca_bundle_patches_total',
      'Patches of the caBundles of a configuration, by result.',
      'result',
      ['patched', 'conflict', 'failed'],
    ),
  )
  return ({ authorityNotAfterMs, authorities, lastGoodMs, ...health }) => {
    if (authorityNotAfterMs === undefined) expiry.clear()
    else expiry.set(authorityNotAfterMs / 1000)
    certificates.set(authorities)
    foreign.set(health.foreign ? 1 : 0)
    if (lastGoodMs !== undefined) lastGood.set(lastGoodMs / 1000)
    countWrite(health.secretWrites)
    countPatch(health.bundlePatches)
  }
}

/** Counts what was added to totals since the last time. */
function createTally(count: (value: string) => void): (totals: Readonly<Record<string, number>>) => void {
  const counted = new Map<string, number>()
  return (totals) => {
    for (const [value, total] of Object.entries(totals)) {
      for (let i = counted.get(value) ?? 0; i < total; i++) count(value)
      counted.set(value, total)
    }
  }
}
