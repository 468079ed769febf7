import { jsonEqual } from '../k8s/json.ts'
import { isWatched, type KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import { noDerivations } from './derivations.ts'
import { type Partition, partitionOf, type Snapshot, type Trouble } from './snapshot.ts'

/** A snapshot that is kept current: what is watched goes in, reviews look at it. */
export interface Store {
  /** Changes with every call below; a review, which never waits, sees one state of it. */
  readonly snapshot: Snapshot
  /** These are all there are of the kind. */
  readonly replace: (kind: KindName, resources: Iterable<Resource>) => void
  /** There is a new one, or one has changed. */
  readonly upsert: (resource: Resource) => void
  readonly remove: (kind: KindName, namespace: string, name: string) => void
  /** How far the kind can be relied on. Until it is said, no kind is synced. */
  readonly mark: (kind: KindName, trouble: Trouble | undefined) => void
}

/** Everything of a kind: by the namespace it is filed under, then by name. */
interface Shelf {
  readonly namespaces: Map<string, Drawer>
  stamp: number
  all: readonly Resource[] | undefined
}

interface Drawer {
  readonly byName: Map<string, Resource>
  stamp: number
  all: readonly Resource[] | undefined
}

function* changedSince(shelves: ReadonlyMap<KindName, Shelf>, stamp: number): Generator<Partition> {
  for (const [kind, shelf] of shelves)
    if (shelf.stamp > stamp)
      for (const [namespace, drawer] of shelf.namespaces) if (drawer.stamp > stamp) yield { kind, namespace }
}

/** Changes that are remembered one by one. Whoever looks again after more than these has every place looked at. */
const mostChanges = 4096

const none: readonly never[] = []

const notYet: Trouble = { as: 'unsynced', why: 'not read yet' }

/** An empty store. */
export function createStore(): Store {
  const shelves = new Map<KindName, Shelf>()
  const troubles = new Map<KindName, Trouble | undefined>()
  let now = 0
  /** The last changes, oldest first: the one at index i has the stamp `now - log.length + 1 + i`. */
  let log: Partition[] = []

  const shelfOf = (kind: KindName): Shelf => {
    let shelf = shelves.get(kind)
    if (!shelf) shelves.set(kind, (shelf = { namespaces: new Map(), stamp: 0, all: undefined }))
    return shelf
  }
  const touch = (shelf: Shelf, drawer: Drawer, place: Partition) => {
    now++
    shelf.stamp = drawer.stamp = now
    shelf.all = drawer.all = undefined
    log.push(place)
    if (log.length > 2 * mostChanges) log = log.slice(-mostChanges)
  }
  const put = (resource: Resource) => {
    const place = partitionOf(resource)
    const shelf = shelfOf(place.kind)
    let drawer = shelf.namespaces.get(place.namespace)
    if (!drawer) shelf.namespaces.set(place.namespace, (drawer = { byName: new Map(), stamp: 0, all: undefined }))
    const known = drawer.byName.get(resource.name)
    // Most events change what no rule reads.
    if (known && jsonEqual(known.wire, resource.wire)) return
    drawer.byName.set(resource.name, resource)
    touch(shelf, drawer, place)
  }
  const take = ({ kind, namespace }: Partition, name: string) => {
    const shelf = shelfOf(kind)
    const drawer = shelf.namespaces.get(namespace)
    // An emptied drawer stays: that it changed is what its stamp says.
    if (drawer?.byName.delete(name)) touch(shelf, drawer, { kind, namespace })
  }

  const snapshot: Snapshot = {
    scope: 'cluster',
    derivations: noDerivations(),
    get now() {
      return now
    },
    all<K extends KindName>(kind: K) {
      const shelf = shelfOf(kind)
      shelf.all ??= [...shelf.namespaces.values()].flatMap(({ byName }) => [...byName.values()])
      return shelf.all as unknown as readonly Resource<K>[]
    },
    inNamespace<K extends KindName>(kind: K, namespace: string) {
      const drawer = shelves.get(kind)?.namespaces.get(namespace)
      if (!drawer) return none
      drawer.all ??= [...drawer.byName.values()]
      return drawer.all as unknown as readonly Resource<K>[]
    },
    namespacesWith: (kind) =>
      shelfOf(kind)
        .namespaces.entries()
        .filter(([, { byName }]) => byName.size > 0)
        .map(([namespace]) => namespace),
    stamp(kind, namespace) {
      const shelf = shelves.get(kind)
      return (namespace === undefined ? shelf?.stamp : shelf?.namespaces.get(namespace)?.stamp) ?? 0
    },
    changesSince(stamp) {
      const missed = now - stamp
      return missed > log.length ? changedSince(shelves, stamp) : log.slice(log.length - missed)
    },
    // What nobody watches is absent for good: no rule may take its absence for evidence.
    trouble: (kind) => (troubles.has(kind) || !isWatched(kind) ? troubles.get(kind) : notYet),
  }

  return {
    snapshot,
    upsert: put,
    remove: (kind, namespace, name) => take(partitionOf({ kind, namespace, name }), name),
    mark: (kind, trouble) => void troubles.set(kind, trouble),
    replace(kind, resources) {
      const present = new Map<string, Set<string>>()
      for (const resource of resources) {
        const { namespace } = partitionOf(resource)
        const names = present.get(namespace)
        if (names) names.add(resource.name)
        else present.set(namespace, new Set([resource.name]))
        put(resource)
      }
      for (const [namespace, { byName }] of shelfOf(kind).namespaces)
        for (const name of byName.keys()) if (!present.get(namespace)?.has(name)) take({ kind, namespace }, name)
    },
  }
}
