import { isObject, own, type Path } from './json.ts'
import { type KindName, kinds, shapes } from './kinds.ts'
import type { ObjectMeta, Spec } from './spec-shapes.ts'

type Resources = {
  [K in KindName]: {
    readonly kind: K
    readonly apiVersion: string
    /** Empty for cluster-scoped kinds. `default` where the manifest names none, as kubectl would. */
    readonly namespace: string
    /** `metadata.name`, or `generateName` followed by `*`. */
    readonly name: string
    readonly metadata: ObjectMeta
    readonly spec: Spec<K>
    /** The object as it came, for edits. Paths of findings start here. */
    readonly wire: Readonly<Record<string, unknown>>
    /** For kinds that are translated into a common form. */
    readonly room: Room | undefined
    /** What the text that it was read from says in vain. An object that comes from the API server repeats nothing. */
    readonly repeats?: readonly Repeat[]
  }
}

/** A key that a text writes several times in one map, where the last entry counts: one of the others. */
export interface Repeat {
  /** To the key, and so to the value that counts. */
  readonly path: Path
  /** Which entry it is; 0 is the first. */
  readonly entry: number
  /** Its value, which nobody reads. */
  readonly lost: unknown
}

/**
 * Where the common form of a resource is kept once it is made: resources do not change. Not in a WeakMap: V8 keeps its keys,
 * and all that hangs on them, until a full collection, and a review may be megabytes.
 */
export interface Room {
  form?: unknown
}

/** One Kubernetes object that rules can judge, discriminated by `kind`. */
export type Resource<K extends KindName = KindName> = Resources[K]

/** What every object says of itself, whether rules know its kind or not. */
export interface Identity {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What the door found. */
export type Read =
  | { readonly as: 'resource'; readonly resource: Resource }
  /** A Kubernetes object of a kind no rule speaks about. */
  | { readonly as: 'other'; readonly identity: Identity }
  /** Not a Kubernetes object at all (no `apiVersion` and `kind`). */
  | { readonly as: 'foreign' }
  /** A Kubernetes object the API server would refuse to decode. */
  | { readonly as: 'malformed'; readonly identity: Identity; readonly path: Path; readonly reason: string }

/** Kinds that rules know, by `group/Kind`. */
export const byGroupAndKind: ReadonlyMap<string, KindName> = new Map(
  (Object.keys(kinds) as KindName[]).flatMap((name) => {
    const { group, alsoIn = [], kind } = kinds[name]
    return [group, ...alsoIn].map((one): [string, KindName] => [`${one}/${kind}`, name])
  }),
)

/** The API group of an `apiVersion`: `apps` of `apps/v1`, empty for `v1`. */
function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash < 0 ? '' : apiVersion.slice(0, slash)
}

/**
 * The one door by which objects enter: from a value of unknown shape to a {@link Resource}, or why not.
 *
 * @param namespace overrides `metadata.namespace`: in a review, `request.namespace` is the truth.
 */
export function readResource(value: unknown, namespace?: string): Read {
  if (!isObject(value)) return { as: 'foreign' }
  const apiVersion = own(value, 'apiVersion')
  const kind = own(value, 'kind')
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || kind === '') return { as: 'foreign' }

  const metadata = own(value, 'metadata')
  const meta = isObject(metadata) ? metadata : {}
  const textOf = (key: string) => {
    const member = own(meta, key)
    return typeof member === 'string' ? member : ''
  }
  const generated = textOf('generateName')
  const name = textOf('name') || (generated === '' ? '' : `${generated}*`)

  const known = byGroupAndKind.get(`${groupOf(apiVersion)}/${kind}`)
  if (known === undefined)
    return { as: 'other', identity: { apiVersion, kind, namespace: namespace ?? textOf('namespace'), name } }

  const home = kinds[known].namespaced ? namespace || textOf('namespace') || 'default' : ''
  const wrong = shapes[known]?.check(value)
  if (wrong) return { as: 'malformed', identity: { apiVersion, kind, namespace: home, name }, ...wrong }

  const resource = {
    kind: known,
    apiVersion,
    namespace: home,
    name,
    metadata: meta,
    spec: kinds[known].flat ? value : (own(value, 'spec') ?? {}),
    wire: value,
    room: known === 'NetworkPolicy' ? { form: undefined } : undefined,
  } as Resource
  return { as: 'resource', resource }
}

/** The object's label, or undefined. */
export function labelsOf(metadata: ObjectMeta | null | undefined): Readonly<Record<string, string | null>> {
  return metadata?.labels ?? {}
}

/** The object's own annotation, or undefined. A null annotation reads as the empty text, as Go decodes it. */
export function annotationOf(metadata: ObjectMeta | null | undefined, key: string): string | undefined {
  const value = own(metadata?.annotations, key)
  return value === null ? '' : value
}

/** What sorts objects by their age, then by name, as controllers do to settle which of several counts. */
export function ageAndName({ metadata, name }: Pick<Resource, 'metadata' | 'name'>): string {
  return `${metadata.creationTimestamp ?? ''}/${name}`
}

/** `Kind namespace/name`, as messages name an object. */
export function describe(identity: Identity): string {
  return `${identity.kind} ${identity.namespace === '' ? '' : `${identity.namespace}/`}${identity.name}`
}

/** Was it made by a controller, from another object? */
export function isMadeByController({ ownerReferences }: ObjectMeta): boolean {
  return ownerReferences?.some((owner) => owner?.controller === true) === true
}

/** The kubelet's mark on the picture that it draws, in the API, of a Pod that it made from a file. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror'
