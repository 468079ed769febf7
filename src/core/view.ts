import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import { type Derivation, recall, remember, type Scope, type Snapshot } from './snapshot.ts'

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
  /**
   * What `compute` makes of this view, computed once: for all subjects of one analysis, and for later analyses of the same
   * world as long as no kind it read is the changed subject's. `compute` is a function of its view alone.
   */
  derive<T>(compute: (view: View<R, S>) => T): T
}

/**
 * The view of one rule.
 *
 * @param onRead told of each kind that is read; the meta test compares it with what the rule declares
 */
export function viewOf<R extends KindName, S>(
  snapshot: Snapshot,
  reads: readonly R[],
  settings: S,
  stage: Stage,
  onRead: (kind: KindName) => void = () => undefined,
): View<R, S> {
  /** Kinds read by the derivations that are under way, innermost last. */
  const underWay: Set<KindName>[] = []
  const note = (kind: KindName) => {
    onRead(kind)
    underWay.at(-1)?.add(kind)
  }
  const guard = (kind: R) => {
    if (!reads.includes(kind)) throw new Error(`the rule reads ${kind}, which it does not declare`)
    note(kind)
  }
  const view: View<R, S> = {
    stage,
    scope: snapshot.scope,
    settings,
    all(kind) {
      guard(kind)
      return snapshot.all(kind)
    },
    inNamespace(kind, namespace) {
      guard(kind)
      return snapshot.inNamespace(kind, namespace)
    },
    derive<T>(compute: (view: View<R, S>) => T): T {
      const circumstances = { compute, settings, stage }
      let derivation: Derivation | undefined = recall(snapshot, circumstances)
      if (derivation === undefined) {
        const kinds = new Set<KindName>()
        underWay.push(kinds)
        try {
          derivation = { ...circumstances, kinds, value: compute(view) }
        } finally {
          underWay.pop()
        }
        remember(snapshot, derivation)
      }
      for (const kind of derivation.kinds) note(kind)
      return derivation.value as T
    },
  }
  return view
}
