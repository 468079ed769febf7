/*
 * What to do next about a certificate authority of one's own that lives in one Secret and that several replicas look after,
 * none of them in charge. Each looks at the Secret and at the caBundles, does one step, and looks again; what two do at once,
 * one of them does in vain, for each write names the version it was thought out for. All memory is in the Secret.
 *
 * A new authority takes over without one lost call because what is served is always in what is trusted:
 *
 *   announce   its certificate joins the bundle; its key waits beside the one that signs
 *   publish    the bundle goes into every caBundle
 *   mark       all caBundles were seen to hold it: from here on API servers have the overlap's time to hear of it
 *   hand over  it signs; replicas serve what it signed at their next look
 *   retire     its predecessor leaves the bundle when nothing that it signed can still be valid, and then the caBundles
 */

export interface Period {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** A certificate that is trusted. */
export interface Authority extends Period {
  /** SHA-256 of it, hex. */
  readonly id: string
  readonly pem: string
}

/** A serving certificate that is good for all names, and its key: PEM. */
export interface Leaf extends Period {
  readonly id: string
  readonly cert: string
  readonly key: string
  /** The authority that it verifies against. */
  readonly issuer: string
}

/** An authority's certificate by its id, and its key. */
export interface Signer {
  readonly id: string
  /** PEM. */
  readonly key: string
}

/** When something was so of an authority. */
export interface Mark {
  readonly id: string
  readonly atMs: number
}

/** What the Secret holds. What is missing, broken or does not fit is left out. */
export interface Held {
  /** The bundle, newest last. */
  readonly authorities: readonly Authority[]
  /** Who signs. */
  readonly signing: Signer | undefined
  /** Who will sign once it is trusted everywhere. */
  readonly next: Signer | undefined
  readonly leaf: Leaf | undefined
  /** When all caBundles were seen to hold the bundle whose newest authority this is. */
  readonly published: Mark | undefined
  readonly signsSince: Mark | undefined
}

/** The Secret, as it was found. A foreign one is not ours to touch. */
export type Found =
  | { readonly as: 'absent' }
  | { readonly as: 'foreign' }
  | { readonly as: 'ours'; readonly held: Held }

/** What one webhook configuration trusts: the certificates of each entry's caBundle. */
export interface LiveConfiguration {
  readonly name: string
  readonly entries: readonly (readonly Authority[])[]
}

/** How long things last, in milliseconds. */
export interface Lives {
  readonly authorityMs: number
  readonly leafMs: number
  /** From the moment that all caBundles hold a new authority to the first certificate that it signs. */
  readonly overlapMs: number
}

export type Step =
  /** Make an authority, a leaf if there is no good one, and a bundle of it and of what is trusted now. */
  | { readonly do: 'begin'; readonly keep: readonly Authority[] }
  /** Sign a leaf. */
  | { readonly do: 'issue' }
  | { readonly do: 'announce' }
  | { readonly do: 'publish'; readonly configurations: readonly string[] }
  | { readonly do: 'mark' }
  /** A caBundle has lost the next authority: it is not trusted everywhere after all. */
  | { readonly do: 'unmark' }
  | { readonly do: 'hand-over' }
  | { readonly do: 'retire'; readonly ids: readonly string[] }
  | { readonly do: 'nothing'; readonly why: 'done' | 'foreign' | 'caBundles unknown' | 'overlap' }

/** More are not carried along: nobody has ever so many, and a bundle has a size. */
const mostKept = 8

/**
 * The next step: the first row that fits.
 *
 * | Secret | caBundles | step |
 * |---|---|---|
 * | foreign | | nothing |
 * | absent, or no valid authority with its key | not known | nothing |
 * | absent, or no valid authority with its key | known | begin |
 * | no good leaf, or one with less than a tenth of its life left | | issue |
 * | leaf due, signer trusted everywhere for the overlap | | issue |
 * | | not known | nothing |
 * | next one marked | one without it | unmark |
 * | | one that is not the bundle | publish |
 * | newest authority not marked, or signer's first day not known | all are the bundle | mark |
 * | next one marked for less than the overlap | all are the bundle | nothing |
 * | next one marked for the overlap | all are the bundle | hand over |
 * | signer due | all are the bundle | announce |
 * | another authority expired, or the signer signs for two leaves' lives | all are the bundle | retire |
 * | otherwise | | nothing |
 *
 * A caBundle that is equal to the bundle as a set of certificates is the bundle, whatever its bytes; a configuration that is
 * not there lacks nothing. Due is what has lived two thirds of its life.
 *
 * @param live undefined when they could not be read, in whole. They must have been read before the Secret.
 * @param jitter 0 to 1: replicas that think of the same thing should not all do it at once
 */
export function nextStep(
  found: Found,
  live: readonly LiveConfiguration[] | undefined,
  nowMs: number,
  lives: Lives,
  jitter = 0,
): Step {
  if (found.as === 'foreign') return { do: 'nothing', why: 'foreign' }
  const held = found.as === 'ours' ? found.held : nothingHeld
  const { authorities, next, leaf } = held
  const signing = authorities.find((one) => one.id === held.signing?.id && isValid(one, nowMs))
  if (signing === undefined)
    return live ? { do: 'begin', keep: trustedNow(held, live, nowMs) } : { do: 'nothing', why: 'caBundles unknown' }
  if (leaf === undefined || isUrgent(leaf, nowMs)) return { do: 'issue' }
  if (isDue(leaf, nowMs, jitter) && isTrustedFor(held, signing.id, nowMs, lives.overlapMs)) return { do: 'issue' }
  if (live === undefined) return { do: 'nothing', why: 'caBundles unknown' }

  const published = believable(held.published, nowMs, lives)
  const behind = live.filter(({ entries }) => entries.some((entry) => !isSame(entry, authorities)))
  if (next !== undefined && published?.id === next.id && behind.some((one) => !holds(one, next.id)))
    return { do: 'unmark' }
  if (behind.length > 0) return { do: 'publish', configurations: behind.map(({ name }) => name) }
  if (published?.id !== (next ?? signing).id || held.signsSince?.id !== signing.id) return { do: 'mark' }
  if (next !== undefined)
    return nowMs - published.atMs >= lives.overlapMs ? { do: 'hand-over' } : { do: 'nothing', why: 'overlap' }
  if (isDue(signing, nowMs, jitter)) return { do: 'announce' }
  const settled = nowMs - held.signsSince.atMs >= 2 * lives.leafMs
  const over = authorities.filter(
    (one) => one.id !== signing.id && one.id !== leaf.issuer && (settled || one.notAfterMs <= nowMs),
  )
  return over.length > 0 ? { do: 'retire', ids: over.map(({ id }) => id) } : { do: 'nothing', why: 'done' }
}

/** What a step needs that only cryptography can make. */
export interface Made {
  readonly authority?: { readonly authority: Authority; readonly key: string }
  readonly leaf?: Leaf
}

/** The authority, and its key, by which the step's leaf is to be signed; undefined where the step signs none. */
export function signerFor(step: Step, held: Held, made: Made): Made['authority'] {
  const of = (signer: Signer | undefined) => {
    const authority = held.authorities.find(({ id }) => id === signer?.id)
    return authority && signer && { authority, key: signer.key }
  }
  switch (step.do) {
    case 'begin':
      return keptLeaf(step, held) ? undefined : made.authority
    case 'issue':
      return of(held.signing)
    case 'hand-over':
      return of(held.next)
    default:
      return undefined
  }
}

/** What the Secret holds after a step. */
export function after(step: Step, held: Held, made: Made, nowMs: number): Held {
  const { authority, leaf = held.leaf } = made
  switch (step.do) {
    case 'begin': {
      if (authority === undefined) return held
      const { id } = authority.authority
      return {
        authorities: [...step.keep, authority.authority],
        signing: { id, key: authority.key },
        next: undefined,
        leaf: keptLeaf(step, held) ?? leaf,
        published: undefined,
        signsSince: { id, atMs: nowMs },
      }
    }
    case 'issue':
      return { ...held, leaf }
    case 'announce':
      if (authority === undefined) return held
      return {
        ...held,
        authorities: [...held.authorities, authority.authority],
        next: { id: authority.authority.id, key: authority.key },
      }
    case 'mark': {
      const newest = held.next ?? held.signing
      const { signing, signsSince } = held
      return {
        ...held,
        published: newest && { id: newest.id, atMs: nowMs },
        signsSince: signing && (signsSince?.id === signing.id ? signsSince : { id: signing.id, atMs: nowMs }),
      }
    }
    case 'unmark':
      return { ...held, published: undefined }
    case 'hand-over':
      return {
        ...held,
        signing: held.next,
        next: undefined,
        leaf,
        signsSince: held.next && { id: held.next.id, atMs: nowMs },
      }
    case 'retire':
      return { ...held, authorities: held.authorities.filter(({ id }) => !step.ids.includes(id)) }
    case 'publish':
    case 'nothing':
      return held
  }
}

export const nothingHeld: Held = {
  authorities: [],
  signing: undefined,
  next: undefined,
  leaf: undefined,
  published: undefined,
  signsSince: undefined,
}

/** When a new Secret had to be begun, what it signs is not trusted yet; what is served still is. */
function keptLeaf(step: Step & { do: 'begin' }, { leaf }: Held): Leaf | undefined {
  return step.keep.some(({ id }) => id === leaf?.issuer) ? leaf : undefined
}

/**
 * The leaf to serve: the first row that fits.
 *
 * | Secret | served now | the Secret's leaf | serve |
 * |---|---|---|---|
 * | without a good leaf | | | as before |
 * | | nothing, or what has ended | | the Secret's |
 * | | of the same issuer | | the Secret's |
 * | | trusted by fewer caBundles | | the Secret's |
 * | | less than a tenth of its life left | seen trusted everywhere | the Secret's |
 * | | | trusted everywhere for the overlap | the Secret's |
 * | | | not so | as before |
 */
export function leafToServe(
  served: Leaf | undefined,
  held: Held,
  live: readonly LiveConfiguration[] | undefined,
  nowMs: number,
  lives: Lives,
): Leaf | undefined {
  const { leaf } = held
  if (leaf === undefined) return served
  if (served === undefined || served.notAfterMs <= nowMs) return leaf
  if (leaf.issuer === served.issuer) return leaf
  const trusting = (id: string) => live?.filter((one) => holds(one, id)).length ?? 0
  if (trusting(leaf.issuer) > trusting(served.issuer)) return leaf
  return isTrustedFor(held, leaf.issuer, nowMs, isUrgent(served, nowMs) ? 0 : lives.overlapMs) ? leaf : served
}

/** Have all caBundles held this authority for so long, as far as the Secret tells? */
export function isTrustedFor(held: Held, id: string, nowMs: number, ms: number): boolean {
  const { published, authorities } = held
  if (published === undefined || nowMs - published.atMs < ms) return false
  // Whoever saw the newest authority everywhere saw the whole bundle of that time.
  const newest = held.next ?? held.signing
  return published.id === id || (published.id === newest?.id && authorities.some((one) => one.id === id))
}

/** A time that is yet to come was written by a clock that is wrong, or by somebody else. */
function believable(mark: Mark | undefined, nowMs: number, { overlapMs }: Lives): Mark | undefined {
  return mark !== undefined && mark.atMs <= nowMs + overlapMs ? mark : undefined
}

function trustedNow(held: Held, live: readonly LiveConfiguration[], nowMs: number): Authority[] {
  const all = [...held.authorities, ...live.flatMap(({ entries }) => entries.flat())]
  const byId = new Map(all.filter((one) => one.notAfterMs > nowMs).map((one) => [one.id, one]))
  return [...byId.values()].slice(-mostKept)
}

function isValid({ notBeforeMs, notAfterMs }: Period, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs
}

function isDue(period: Period, nowMs: number, jitter: number): boolean {
  return elapsed(period, nowMs) >= 2 / 3 + jitter / 30
}

function isUrgent(period: Period, nowMs: number): boolean {
  return elapsed(period, nowMs) >= 0.9
}

/** Of a life, 0 to 1 and beyond. */
function elapsed({ notBeforeMs, notAfterMs }: Period, nowMs: number): number {
  return (nowMs - notBeforeMs) / (notAfterMs - notBeforeMs)
}

function holds({ entries }: LiveConfiguration, id: string): boolean {
  return entries.every((entry) => entry.some((one) => one.id === id))
}

function isSame(entry: readonly Authority[], bundle: readonly Authority[]): boolean {
  const ids = new Set(entry.map(({ id }) => id))
  return ids.size === bundle.length && bundle.every(({ id }) => ids.has(id))
}
