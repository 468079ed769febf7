import {
  type Authority,
  after,
  type Found,
  type Held,
  isTrustedFor,
  type Leaf,
  type LiveConfiguration,
  type Lives,
  leafToServe,
  nextStep,
  nothingHeld,
  type Step,
  signerFor,
} from './authority-plan.ts'
import type { MadeAuthority } from './issue-certificate.ts'

/** The Secret as it was read, and how to change that very state. */
export interface FoundSecret {
  readonly found: Found
  /** @returns false when somebody else was faster; then nothing has changed */
  readonly write: (held: Held) => Promise<boolean>
}

/** A webhook configuration as it was read, and how to change that very state. */
export interface FoundConfiguration extends LiveConfiguration {
  /** Puts this bundle into every caBundle. @returns false when somebody else was faster */
  readonly trust: (authorities: readonly Authority[]) => Promise<boolean>
}

/** What the keeper does its work with. Whatever is thrown is trouble, and tried again at the next look. */
export interface KeeperTools {
  readonly readConfigurations: () => Promise<readonly FoundConfiguration[]>
  readonly readSecret: () => Promise<FoundSecret>
  readonly makeAuthority: (nowMs: number) => Promise<MadeAuthority>
  readonly makeLeaf: (by: MadeAuthority, nowMs: number) => Promise<Leaf>
  readonly lives: Lives
  /** For so long, API servers must have had the caBundles before this replica asks for calls. */
  readonly settleMs: number
  /** The wall clock. */
  readonly now: () => number
  /** 0 to 1, another one in each replica. */
  readonly jitter: number
  readonly log: (level: 'info' | 'warn', text: string) => void
}

/** What is counted and known of it. */
export interface KeeperHealth {
  readonly secretWrites: Readonly<Record<'created' | 'updated' | 'conflict' | 'failed', number>>
  readonly bundlePatches: Readonly<Record<'patched' | 'conflict' | 'failed', number>>
  /** The Secret has this name, and was made by somebody else. */
  readonly foreign: boolean
  /** When the authority that signs ends; undefined until one is known. */
  readonly authorityNotAfterMs: number | undefined
  /** Of our two, those that were there at the last look. */
  readonly configurations: number
  /** Certificates in the bundle. */
  readonly authorities: number
  /** When both the Secret and the caBundles were last read, and nothing went wrong. */
  readonly lastGoodMs: number | undefined
  /** What is wrong now, a line each. */
  readonly troubles: readonly string[]
}

export interface AuthorityKeeper {
  /** Looks, and does what is to be done, step by step. Never throws. */
  look(): Promise<void>
  /** What is to be served; undefined until there is something. */
  leaf(): Leaf | undefined
  /** Was what is served trusted by all caBundles at some time? Once it was, being unready would help nobody. */
  isTrusted(): boolean
  health(): KeeperHealth
}

/** More than there are steps from nothing to the end, some of them in vain. */
const mostSteps = 12

const told: Readonly<Record<Exclude<Step['do'], 'nothing' | 'publish'>, string>> = {
  begin: 'made a certificate authority',
  issue: 'issued a serving certificate',
  announce: 'made the next certificate authority',
  mark: 'all caBundles hold the CA bundle',
  unmark: 'a caBundle has lost the next certificate authority',
  'hand-over': 'the next certificate authority signs from now on',
  retire: 'took certificate authorities out of the CA bundle',
}

/** Keeps the authority in the Secret, and the caBundles, as {@link nextStep} wants them. */
export function createAuthorityKeeper(tools: KeeperTools): AuthorityKeeper {
  const { readConfigurations, readSecret, lives, now, jitter, log } = tools
  const secretWrites = { created: 0, updated: 0, conflict: 0, failed: 0 }
  const bundlePatches = { patched: 0, conflict: 0, failed: 0 }
  let served: Leaf | undefined
  let trusted = false
  let held: Held = nothingHeld
  let foreign = false
  let there = 0
  let lastGoodMs: number | undefined
  let troubles: readonly string[] = []

  const make = async (step: Step): Promise<Held> => {
    const nowMs = now()
    const authority = step.do === 'begin' || step.do === 'announce' ? await tools.makeAuthority(nowMs) : undefined
    const signer = signerFor(step, held, authority ? { authority } : {})
    const leaf = signer && (await tools.makeLeaf(signer, nowMs))
    return after(step, held, { ...(authority ? { authority } : {}), ...(leaf ? { leaf } : {}) }, nowMs)
  }
  const write = async (step: Step & { do: keyof typeof told }, { found, write }: FoundSecret) => {
    const wish = await make(step)
    const written = await write(wish).catch((error: unknown) => {
      secretWrites.failed++
      throw error
    })
    secretWrites[written ? (found.as === 'absent' ? 'created' : 'updated') : 'conflict']++
    log('info', written ? told[step.do] : `another replica was faster: adopting its Secret (${step.do})`)
  }
  const publish = async (names: readonly string[], configurations: readonly FoundConfiguration[]) => {
    const failures: string[] = []
    for (const { name, trust } of configurations) {
      if (!names.includes(name)) continue
      try {
        const patched = await trust(held.authorities)
        bundlePatches[patched ? 'patched' : 'conflict']++
        log('info', patched ? `put the CA bundle into ${name}` : `${name} changed meanwhile: looking again`)
      } catch (error) {
        // The other one may be written all the same.
        bundlePatches.failed++
        failures.push(`${name}: ${messageOf(error)}`)
      }
    }
    if (failures.length > 0) throw new Error(failures.join('; '))
  }

  /** @returns whether there may be more to do */
  const lookOnce = async (wrong: string[]): Promise<boolean> => {
    // First the caBundles, then the Secret: what is written to a caBundle that has not changed since is never older than it.
    const configurations = await readConfigurations().catch((error: unknown) => {
      wrong.push(`webhook configurations: ${messageOf(error)}`)
      return undefined
    })
    there = configurations?.length ?? there
    const secret = await readSecret().catch((error: unknown) => {
      wrong.push(`Secret: ${messageOf(error)}`)
      return undefined
    })
    if (secret === undefined) return false
    const { found } = secret
    foreign = found.as === 'foreign'
    if (found.as !== 'foreign') held = found.as === 'ours' ? found.held : nothingHeld
    served = leafToServe(served, held, configurations, now(), lives)
    const step = nextStep(found, configurations, now(), lives, jitter)
    if (step.do === 'nothing') {
      if (step.why === 'foreign') wrong.push('the Secret was made by somebody else, and is left alone')
      return false
    }
    if (step.do === 'publish') await publish(step.configurations, configurations ?? [])
    else await write(step, secret)
    return true
  }

  return {
    async look() {
      let wrong: string[] = []
      try {
        let more = true
        for (let steps = 0; more && steps < mostSteps; steps++) {
          wrong = []
          more = await lookOnce(wrong)
        }
        if (more) wrong.push('there is always something else to do: somebody else writes the Secret or the caBundles')
      } catch (error) {
        wrong.push(messageOf(error))
      }
      for (const text of wrong) if (!troubles.includes(text)) log('warn', text)
      troubles = wrong
      if (wrong.length === 0) lastGoodMs = now()
    },
    leaf: () => served,
    isTrusted() {
      trusted ||= served !== undefined && isTrustedFor(held, served.issuer, now(), tools.settleMs)
      return trusted
    },
    health: () => ({
      secretWrites,
      bundlePatches,
      foreign,
      configurations: there,
      authorityNotAfterMs: held.authorities.find(({ id }) => id === held.signing?.id)?.notAfterMs,
      authorities: held.authorities.length,
      lastGoodMs,
      troubles,
    }),
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
