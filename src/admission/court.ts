import type { Config } from '../config/config.ts'
import type { Doubt } from '../core/analyse.ts'
import type { Enforced, Outcome } from '../core/enforce.ts'
import type { Failure } from '../core/finding.ts'
import type { Rule } from '../core/rule.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

/** The world in which reviews are judged. */
export interface Court {
  readonly rules: readonly Rule<LinkerdSettings>[]
  readonly snapshot: Snapshot
  readonly config: Config
  /** Milliseconds since 1970: exemptions end. */
  readonly now: number
  /** Is the time over that may be spent on the neighbours? The subject is judged in any case. */
  readonly outOfTime?: () => boolean
  /** Makes a text short, for what is remembered of objects; without it every object is judged anew. */
  readonly digest?: ((text: string) => string) | undefined
}

/** What is decided about one review: what happens to findings on its object, and what else there is to say. */
export interface Verdict extends Outcome {
  /** Findings on other objects that this change brings about. They only warn: whoever makes it did not write them. */
  readonly elsewhere: readonly Enforced[]
  /** Where a rule looked at what cannot be relied on. */
  readonly doubts: readonly Doubt[]
  /** Why something was not judged, or an exemption that ends: a line each, for the user. */
  readonly notes: readonly string[]
  /** Our own faults. If there is one, there is no verdict to rely on. */
  readonly failures: readonly Failure[]
}

/** Nothing found, nothing to say. */
export const nothing: Verdict = {
  enforced: [],
  suppressed: [],
  exempted: [],
  elsewhere: [],
  doubts: [],
  notes: [],
  failures: [],
}
