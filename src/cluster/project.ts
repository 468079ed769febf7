import { createCache } from '../core/cache.ts'
import { isObject, own } from '../k8s/json.ts'
import { type KindName, kinds, shapes } from '../k8s/kinds.ts'
import { isMadeByController, type Resource, readResource } from '../k8s/resource.ts'
import type { Projection } from '../k8s/shape.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { isPartKept } from '../linkerd/kept-parts.ts'
import { createSharer, type Sharer } from './share.ts'

/** What became of an object from the API server. */
export type Projected =
  | { readonly as: 'resource'; readonly resource: Resource }
  /** Its owner speaks for it. */
  | { readonly as: 'left-out' }
  /** Not of its kind's shape. */
  | { readonly as: 'malformed'; readonly reason: string }

/** From an object as the API server sends it to the resource that rules read, without the rest. */
export type Projector = (kind: KindName, apiVersion: string, object: Readonly<Record<string, unknown>>) => Projected

/** Kinds that a controller makes for another object, which is watched itself. */
const made: ReadonlySet<KindName> = new Set(['ReplicaSet', 'Job'])

/** Makes a projector. Equal labels, annotations, containers and specs become one object each, over all its kinds. */
export function createProjector(sharer: Sharer = createSharer()): Projector {
  /** Names of namespaces: few, and in every object. */
  const texts = createCache<string>()
  const oneText = (text: string) => texts(text, () => text)
  const projection: Projection = { keeps: isPartKept, share: sharer.share }
  return (kind, apiVersion, object) => {
    const { flat } = kinds[kind]
    const metadataAsSent = own(object, 'metadata') ?? {}
    const spec = flat ? {} : { spec: own(object, 'spec') ?? {} }
    const projected = shapes[kind]?.project({ ...object, metadata: metadataAsSent, ...spec }, projection) as {
      readonly metadata: unknown
    }
    const metadata = isObject(projected.metadata) ? lean(kind, projected.metadata, oneText) : projected.metadata
    const wire = Object.freeze({ ...projected, apiVersion, kind: kinds[kind].kind, metadata })
    const read = readResource(wire, isObject(metadata) ? (own(metadata, 'namespace') as string) : undefined)
    if (read.as !== 'resource') return { as: 'malformed', reason: read.as === 'malformed' ? read.reason : read.as }
    const { resource } = read
    if (made.has(kind) && isMadeByController(resource.metadata)) return { as: 'left-out' }
    return { as: 'resource', resource: Object.freeze(resource) }
  }
}

/**
 * Metadata with its members in one order, absent ones as null, so that all take the same room. In a cluster every object has
 * its name, so `generateName` says nothing. There are many Pods: of their age nothing matters but that they have one, and the
 * day is shared.
 */
function lean(kind: KindName, metadata: ObjectMeta, oneText: (text: string) => string): ObjectMeta {
  const { name = null, namespace = null, labels = null, annotations = null, ownerReferences = null } = metadata
  const home = typeof namespace === 'string' ? oneText(namespace) : namespace
  const { creationTimestamp = null } = metadata
  const age =
    kind === 'Pod' && typeof creationTimestamp === 'string'
      ? oneText(creationTimestamp.slice(0, 10))
      : creationTimestamp
  return Object.freeze({ name, namespace: home, labels, annotations, ownerReferences, creationTimestamp: age })
}
