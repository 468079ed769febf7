import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import { isRead, kindsRead, noReads, noteRead, noteReads, type Reads, recall, remember } from './derivations.ts'
import { isSubsetOfKinds, type KindSet, noKinds, onlyKind, setOfKinds, unionOfKinds } from './kind-set.ts'
import type { Partition, Scope, Snapshot } from './snapshot.ts'

/** Is the subject judged as its author wrote it, or after all mutation? */
export type Stage = 'declared' | 'admitted'

/**
 * A snapshot narrowed to the kinds a rule declared in `reads`.
 *
 * @typeParam R kinds that may be read; another one does not compile
 * @typeParam S settings of the world outside the objects (for meshgate: what is known of Linkerd)
 */
export interface View<R extends KindName, S> {
  readonly stage: Stage
  readonly scope: Scope
  readonly settings: S
  all<K extends R>(kind: K): readonly Resource<K>[]
  inNamespace<K extends R>(kind: K, namespace: string): readonly Resource<K>[]
  /** Namespaces in which there is something of the kind. */
  namespacesWith(kind: R): Iterable<string>
  /**
   * What `compute` makes of this view, computed once for as long as nothing changes that it looked at: for all subjects of
   * one analysis, and for later analyses. `compute` is a function of its view alone.
   */
  derive<T>(compute: (view: View<R, S>) => T): T
  /** The same for one of many keys, such as the name of a namespace: looking at one namespace alone keeps it longest. */
  deriveFor<T>(key: string, compute: (view: View<R, S>, key: string) => T): T
  /**
   * A value that is too dear to be made again whenever something changes: `start` makes it, `update` is told where changes
   * were and corrects it in place.
   */
  maintain<T>(start: (view: View<R, S>) => T, update: Correction<T, R, S>): T
  /** The view without the subject in it: what one maintains holds there from review to review. */
  around(): View<R, S>
  /** The only place where the view differs from the one around; without it, nowhere. */
  readonly changed: Partition | undefined
}

/** Corrects a value in place, given where something that it looked at has changed. */
type Correction<T, R extends KindName, S> = (value: T, changed: readonly Partition[], view: View<R, S>) => void

/** The view of one rule. */
export function viewOf<R extends KindName, S>(
  snapshot: Snapshot,
  reads: readonly R[],
  settings: S,
  stage: Stage,
): View<R, S> {
  return viewWithin(snapshot, settings, stage, lookingAt(setOfKinds(reads)))
}

/** One view for many rules in turn: each is told what it may read, and asked afterwards what it did. */
export interface SharedView<S> {
  readonly view: View<KindName, S>
  /** From now on, it is that of a rule that may read these, and has read none. */
  begin(may: KindSet): void
  /** Kinds that were read since. */
  read(): KindSet
}

/** @param reads filled with the places that any of them looks at */
export function sharedViewOf<S>(snapshot: Snapshot, settings: S, stage: Stage, reads?: Reads): SharedView<S> {
  const looking = lookingAt(noKinds, reads)
  return {
    view: viewWithin(snapshot, settings, stage, looking),
    begin(may) {
      looking.may = may
      looking.seen = noKinds
    },
    read: () => looking.seen,
  }
}

/** Who looks, here or around here. */
interface Looking {
  may: KindSet
  seen: KindSet
  /** What the derivations that are under way have looked at, innermost last; all of them together first, if somebody asks. */
  readonly underWay: Reads[]
}

function lookingAt(may: KindSet, reads?: Reads): Looking {
  return { may, seen: noKinds, underWay: reads ? [reads] : [] }
}

function viewWithin<R extends KindName, S>(
  snapshot: Snapshot,
  settings: S,
  stage: Stage,
  looking: Looking,
): View<R, S> {
  const { underWay } = looking
  const see = (kinds: KindSet) => {
    if (!isSubsetOfKinds(kinds, looking.seen)) looking.seen = unionOfKinds(looking.seen, kinds)
  }
  const note = (kind: R, namespace?: string) => {
    const one = onlyKind(kind)
    if (!isSubsetOfKinds(one, looking.may)) throw new Error(`the rule reads ${kind}, which it does not declare`)
    see(one)
    const innermost = underWay.at(-1)
    if (innermost) noteRead(innermost, one, namespace)
  }
  const noteAll = (looked: Reads) => {
    see(kindsRead(looked))
    const innermost = underWay.at(-1)
    if (innermost) noteReads(innermost, looked)
  }
  const watching = <T>(looked: Reads, compute: () => T): T => {
    underWay.push(looked)
    try {
      return compute()
    } finally {
      underWay.pop()
    }
  }
  const deriveAs = <T>(compute: unknown, key: string, run: () => T): T => {
    let derivation = recall(snapshot, stage, compute, key, settings)
    if (derivation === undefined) {
      const looked = noReads()
      const value = watching(looked, run)
      derivation = { settings, reads: looked, value, holdsAt: snapshot.now }
      remember(snapshot, stage, compute, key, derivation)
    }
    noteAll(derivation.reads)
    return derivation.value as T
  }
  let around: View<R, S> | undefined
  const view: View<R, S> = {
    stage,
    scope: snapshot.scope,
    settings,
    changed: snapshot.base?.changed,
    all(kind) {
      note(kind)
      return snapshot.all(kind)
    },
    inNamespace(kind, namespace) {
      note(kind, namespace)
      return snapshot.inNamespace(kind, namespace)
    },
    namespacesWith(kind) {
      note(kind)
      return snapshot.namespacesWith(kind)
    },
    derive: (compute) => deriveAs(compute, '', () => compute(view)),
    deriveFor: (key, compute) => deriveAs(compute, key, () => compute(view, key)),
    maintain<T>(start: (view: View<R, S>) => T, update: Correction<T, R, S>): T {
      const { base } = snapshot
      if (base) {
        // What does not look at the subject's place is kept where the next review finds it.
        const value = view.around().maintain(start, update)
        const kept = recall(base.snapshot, stage, start, '', settings)
        if (kept && !isRead(kept.reads, base.changed)) {
          noteAll(kept.reads)
          return value
        }
        return deriveAs(start, '', () => start(view))
      }
      const kept = snapshot.derivations[stage].get(start)?.get('')
      if (kept?.settings !== settings) return deriveAs(start, '', () => start(view))
      const changed = [...snapshot.changesSince(kept.holdsAt)].filter((place) => isRead(kept.reads, place))
      kept.holdsAt = snapshot.now
      // What the correction looks at counts as well.
      if (changed.length > 0) watching(kept.reads, () => update(kept.value as T, changed, view))
      noteAll(kept.reads)
      return kept.value as T
    },
    // No getter: V8 makes a hidden class for each object with one, and that keeps the view until a full collection.
    around: () => (around ??= snapshot.base ? viewWithin(snapshot.base.snapshot, settings, stage, looking) : view),
  }
  return view
}
