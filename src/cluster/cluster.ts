import type { Trouble } from '../core/snapshot.ts'
import { jsonEqual } from '../k8s/json.ts'
import { type KindName, kinds } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import type { LinkerdOfCluster } from '../linkerd/cluster-settings.ts'
import { controlPlaneNamespace } from '../linkerd/facts.ts'
import { type Clock, systemClock } from './clock.ts'
import { createConnection } from './connection.ts'
import { type CredentialSource, createCredentials } from './credentials.ts'
import { watchLinkerd } from './linkerd.ts'
import { createProjector } from './project.ts'
import { type Reflector, type ReflectorHealth, startReflector } from './reflector.ts'

/** Where the cluster's objects go. */
export interface ClusterSink {
  /** These are all of the kind. */
  replace(kind: KindName, resources: readonly Resource[]): void
  upsert(resource: Resource): void
  remove(kind: KindName, namespace: string, name: string): void
  /** Why the kind's objects are not to be relied on; undefined when they are. */
  mark(kind: KindName, trouble: Trouble | undefined): void
}

export interface ClusterOptions {
  readonly credentials: CredentialSource
  /** What to watch: the union of the rules' `reads`. */
  readonly kinds: readonly KindName[]
  readonly sink: ClusterSink
  /** Of the control plane. */
  readonly linkerdNamespace?: string
  /** Told whenever the cluster says something new of its Linkerd. */
  readonly onLinkerd?: (found: LinkerdOfCluster) => void
  /** Without a byte for so long, a kind's objects are not relied on. */
  readonly staleAfterMs?: number
  /** Of one event: an object, thus 1.5 MiB at most in etcd, and more as JSON. */
  readonly mostLineBytes?: number
  readonly clock?: Clock
}

/** How the objects of a kind fare. */
export interface KindHealth extends ReflectorHealth {
  /** As the sink was told. */
  readonly trouble: Trouble | undefined
}

/** A cluster that is being followed. */
export interface Cluster {
  health(): ReadonlyMap<KindName, KindHealth>
  linkerd(): LinkerdOfCluster
  /** What is not known of Linkerd's settings, and why. */
  linkerdTroubles(): string[]
  /** Connections that are open. */
  sockets(): number
  stop(): Promise<void>
}

const fiveMinutesMs = 300_000
const fourMebibytes = 4 * 1024 * 1024
const staleCheckMs = 10_000

/** Beside one stream per kind: for lists and discovery. */
const spareSockets = 4

/** Starts to follow a cluster, and answers at once. Until a kind was listed it is marked as not synced. */
export function connect(options: ClusterOptions): Cluster {
  const { sink, staleAfterMs = fiveMinutesMs, mostLineBytes = fourMebibytes, clock = systemClock } = options
  const wanted = [...new Set(options.kinds)]
  const credentials = createCredentials(options.credentials, clock)
  const connection = createConnection(credentials, clock, wanted.length + linkerdObjects + spareSockets)
  const project = createProjector()
  const reflectors = new Map<KindName, Reflector>()
  const marks = new Map<KindName, Trouble | undefined>()

  const mark = (kind: KindName) => {
    const reflector = reflectors.get(kind)
    const trouble = reflector === undefined ? unasked : troubleOf(reflector.health(), staleAfterMs)
    if (marks.has(kind) && jsonEqual(marks.get(kind), trouble)) return
    marks.set(kind, trouble)
    try {
      sink.mark(kind, trouble)
    } catch {
      // Told again when it changes; a sink that throws must not end what tells it.
      marks.delete(kind)
    }
  }

  const dependencies = { connection, clock, mostLineBytes }
  for (const kind of wanted) {
    mark(kind)
    const reflector = startReflector<Resource>(
      {
        ...kinds[kind],
        decode(apiVersion, object) {
          const projected = project(kind, apiVersion, object)
          if (projected.as === 'malformed') throw new Error(projected.reason)
          return projected.as === 'resource' ? projected.resource : undefined
        },
        sink: {
          replace: (resources) => sink.replace(kind, resources),
          upsert: (resource) => sink.upsert(resource),
          remove: (namespace, name) => sink.remove(kind, namespace, name),
        },
      },
      { ...dependencies, onChange: () => mark(kind) },
    )
    reflectors.set(kind, reflector)
  }
  const linkerd = watchLinkerd(options.linkerdNamespace ?? controlPlaneNamespace, dependencies, (found) =>
    options.onLinkerd?.(found),
  )

  let cancel: (() => void) | undefined
  const checkStaleness = () => {
    cancel = clock.after(staleCheckMs, 'staleness', () => {
      for (const kind of wanted) mark(kind)
      checkStaleness()
    })
  }
  checkStaleness()

  return {
    health: () =>
      new Map([...reflectors].map(([kind, reflector]) => [kind, { ...reflector.health(), trouble: marks.get(kind) }])),
    linkerd: () => linkerd.current(),
    linkerdTroubles: () => linkerd.troubles(),
    sockets: () => connection.sockets(),
    async stop() {
      cancel?.()
      await Promise.all([linkerd.stop(), ...[...reflectors.values()].map((reflector) => reflector.stop())])
      connection.close()
    },
  }
}

/** How many objects {@link watchLinkerd} watches. */
const linkerdObjects = 3

const unasked: Trouble = { as: 'unsynced', why: 'not asked yet' }

function troubleOf({ synced, ageMs, error }: ReflectorHealth, staleAfterMs: number): Trouble | undefined {
  if (!synced) return error === undefined ? unasked : { as: 'unsynced', why: error }
  if (ageMs === undefined || ageMs < staleAfterMs) return undefined
  const silence = `nothing from the API server for ${Math.round(staleAfterMs / 60_000)} minutes`
  return { as: 'stale', why: error === undefined ? silence : `${silence}: ${error}` }
}
