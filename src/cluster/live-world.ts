import type { Config } from '../config/config.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { createStore } from '../core/store.ts'
import type { KindName } from '../k8s/kinds.ts'
import { defaultSettings, type LinkerdSettings } from '../linkerd/settings.ts'
import type { Clock } from './clock.ts'
import { connect, type KindHealth } from './cluster.ts'
import type { CredentialSource } from './credentials.ts'

/** A cluster as the surroundings of reviews: kept current, and honest about how far it is. */
export interface LiveWorld {
  readonly snapshot: Snapshot
  /** The configuration with what the cluster says of its Linkerd, as far as the file does not say it itself. */
  configWith(config: Config): Config
  /** PEM of the mesh's trust anchors, once they are known. */
  trustRoots(): string | undefined
  health(): ReadonlyMap<KindName, KindHealth>
  /** Everything that is not known, and why: a line each. */
  troubles(): string[]
  stop(): Promise<void>
}

export interface LiveWorldOptions {
  readonly credentials: CredentialSource
  /** The union of the rules' `reads`. */
  readonly kinds: readonly KindName[]
  readonly linkerdNamespace: string
  /** What neither the cluster nor the configuration says. */
  readonly besides?: Partial<LinkerdSettings>
  readonly staleAfterMs?: number
  readonly clock?: Clock
}

/** Starts to follow the cluster, and answers at once: until a kind is read, no rule that looks at it finds anything. */
export function followCluster(options: LiveWorldOptions): LiveWorld {
  const store = createStore()
  let said: Partial<LinkerdSettings> = {}
  const cluster = connect({
    ...options,
    sink: store,
    onLinkerd: ({ settings }) => {
      said = settings
    },
  })
  let last: { readonly config: Config; readonly said: Partial<LinkerdSettings>; readonly merged: Config } | undefined
  return {
    snapshot: store.snapshot,
    configWith(config) {
      // What was derived under the same settings still holds: they stay one object.
      if (last?.config !== config || last.said !== said) {
        const linkerd = { ...defaultSettings, ...said, ...config.linkerdSaid, ...options.besides }
        last = { config, said, merged: { ...config, linkerd } }
      }
      return last.merged
    },
    trustRoots: () => cluster.linkerd().trustRoots,
    health: () => cluster.health(),
    troubles: () => [
      ...[...cluster.health()].flatMap(([kind, { trouble }]) =>
        trouble ? [`${kind}: ${trouble.as}: ${trouble.why}`] : [],
      ),
      ...cluster.linkerdTroubles(),
    ],
    stop: () => cluster.stop(),
  }
}
