import type { Path } from '../k8s/json.ts'
import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Fix } from './edit.ts'
import type { Confidence, Severity } from './finding.ts'
import type { View } from './view.ts'

/** The names in a message's `{{slots}}`. */
type Slots<Text extends string> = Text extends `${string}{{${infer Slot}}}${infer Rest}` ? Slot | Slots<Rest> : never

/** What a rule reports: one of its messages with every slot filled. An unknown id or a missing slot does not compile. */
type Report<M extends Readonly<Record<string, string>>> = {
  [Id in keyof M & string]: {
    readonly message: Id
    readonly data: Readonly<Record<Slots<M[Id]>, string | number>>
    readonly path: Path
    /** Where the path's last key is written several times and an entry is meant that does not count: which, from 0. */
    readonly entry?: number
    readonly confidence: Confidence
    /** Where it differs from the rule's own. */
    readonly severity?: Severity
    readonly fix?: Fix | undefined
  }
}[keyof M & string]

/** What a review changes: an object as it was, if it was there, and as it will be, if it stays. */
export interface Change {
  readonly before: Resource | undefined
  readonly after: Resource | undefined
}

type Checks<M extends Readonly<Record<string, string>>, R extends KindName, S> = {
  readonly [K in KindName]?: (subject: Resource<K>, view: View<R, S>) => Iterable<Report<M>>
}

interface Documentation {
  /** `<thing>-<defect>`: a complaint one can read; never changes. */
  readonly id: string
  /** The worst that this rule reports. */
  readonly severity: Severity
  /** Objects as written, as admitted, or both. */
  readonly judges: 'declared' | 'admitted' | 'both'
  /** One sentence. */
  readonly summary: string
  /** What breaks and what the user sees: Markdown. */
  readonly why: string
  /** What a person should do. */
  readonly remediation: string
  /** When it is fine, and how sure we are: Markdown. */
  readonly limits?: string
  /** Where the semantics come from. */
  readonly sources: readonly string[]
}

interface RuleDefinition<M extends Readonly<Record<string, string>>, R extends KindName, S> extends Documentation {
  /** Texts with `{{slots}}`, keyed by message id. */
  readonly messages: M
  /** Kinds the checks read beside their subject. */
  readonly reads: readonly R[]
  /** How to see the defect, keyed by the kind of the subject. The subject is part of the view. */
  readonly check: Checks<M, NoInfer<R>, S>
  /**
   * In a cluster, objects outside the namespace of what changes about which the rule may change its mind, nearest first; rather too
   * many than too few. Without it there are none. The view shows the world as it will be.
   */
  readonly elsewhere?: (change: Change, view: View<NoInfer<R>, S>) => Iterable<Resource>
}

/** What a rule says of itself: for docs, catalogues and reports. */
export interface RuleDocumentation extends Documentation {
  readonly messages: Readonly<Record<string, string>>
  /** Keyed by the kinds it judges. */
  readonly check: object
}

/** A rule as the engine runs it: the types of its messages and reads are checked where it is defined. */
export interface Rule<S> extends RuleDocumentation {
  readonly reads: readonly KindName[]
  readonly elsewhere?: (change: Change, view: View<KindName, S>) => Iterable<Resource>
  readonly check: {
    readonly [K in KindName]?: (
      subject: Resource<K>,
      view: View<KindName, S>,
    ) => Iterable<{
      readonly message: string
      readonly data: Readonly<Record<string, string | number>>
      readonly path: Path
      readonly entry?: number
      readonly confidence: Confidence
      readonly severity?: Severity
      readonly fix?: Fix | undefined
    }>
  }
}

/** Makes `defineRule` for a kind of settings. meshgate's own is in `linkerd/rule.ts`. */
export function ruleDefiner<S>() {
  return <const M extends Readonly<Record<string, string>>, const R extends KindName>(
    definition: RuleDefinition<M, R, S>,
  ): Rule<S> => definition
}

/** Texts cut at their slots: text, name, text, name, …, text. Rules have few, so all are kept. */
const pieces = new Map<string, readonly string[]>()

/** Fills a message's slots. A slot without a value stays visible, so that a test sees it. */
export function fill(text: string, data: Readonly<Record<string, string | number>>): string {
  let parts = pieces.get(text)
  if (parts === undefined) {
    parts = text.split(/\{\{(\w+)\}\}/)
    pieces.set(text, parts)
  }
  let filled = ''
  let isSlot = false
  for (const part of parts) {
    filled += !isSlot ? part : Object.hasOwn(data, part) ? data[part] : `{{${part}}}`
    isSlot = !isSlot
  }
  return filled
}
