import { formatPath, isObject, isUnresolved, own, type Path, valueAt } from '../k8s/json.ts'
import { describe, type Identity, type Resource, readResource } from '../k8s/resource.ts'
import { failAt, type Loading } from './loading.ts'
import type { ReadDocument } from './read-document.ts'
import { repeatsIn } from './repeats.ts'

/** Why a value is none of ours. */
export const foreign = 'no Kubernetes object (one has apiVersion and kind)'

/** Takes in what a document holds: objects, one by one or in lists, and whatever there is to say of them. */
export function readObjects(loading: Loading, read: ReadDocument, named: boolean): void {
  if ('failure' in read) {
    loading.failures.push(read.failure)
    return
  }
  const { document, value } = read
  if (isObject(value) && isObject(own(value, 'sops'))) {
    loading.notices.push({ file: document.file, text: 'is encrypted with SOPS and was not judged' })
    loading.objects++
    return
  }
  const isRead = readObject(loading, read, value, [])
  // What is not for kubectl it may refuse.
  if (isRead) loading.failures.push(...(read.refused ?? []))
  else if (named && value !== null && value !== undefined) failAt(loading, document, [], `is ${foreign}`)
}

/** A document that could be read. */
type Readable = Extract<ReadDocument, { readonly value: unknown }>

/**
 * Answers whether it is a Kubernetes object.
 *
 * @param written the value as it stands in the document, where something was added to it
 */
function readObject(loading: Loading, from: Readable, value: unknown, prefix: Path, written = value): boolean {
  const { document, lost } = from
  const kind = isObject(value) ? own(value, 'kind') : undefined
  if (isObject(value) && Object.hasOwn(value, 'items') && typeof kind === 'string' && kind.endsWith('List'))
    return readList(loading, from, value, kind, prefix, written)
  const read = readResource(value)
  if (read.as === 'foreign') return false
  loading.objects++
  if (read.as === 'malformed') {
    const where = `${nameOf(read.identity)}: ${placeOf(read.path)}`
    const wrong = valueAt(value, read.path)
    // A whole list or map that is still to come is unknown, not wrong.
    if (isUnresolved(wrong))
      loading.notices.push({ file: document.file, text: `${where}${wrong} is not substituted yet; not judged` })
    else failAt(loading, document, [...prefix, ...read.path], `${where}${read.reason}`)
  }
  if (read.as !== 'resource') return true
  if (own(read.resource.metadata.annotations, 'config.kubernetes.io/local-config') === 'true') return true
  const repeats = lost ? [...repeatsIn(written, lost)] : []
  const resource: Resource = repeats.length > 0 ? { ...read.resource, repeats } : read.resource
  loading.resources.push(resource)
  loading.sources.set(resource, { document, prefix })
  return true
}

function readList(
  loading: Loading,
  from: Readable,
  list: Readonly<Record<string, unknown>>,
  kind: string,
  prefix: Path,
  written: unknown,
): boolean {
  const items = own(list, 'items') ?? []
  const path = [...prefix, 'items']
  const isLost = isObject(written) && from.lost?.get(written)?.has('items')
  if (isLost)
    failAt(loading, from.document, path, `${kind}: items: written several times, and only these count; make one list`)
  if (!Array.isArray(items)) {
    failAt(loading, from.document, path, `${kind}: items: expected a list`)
    return true
  }
  if (items.length === 0) loading.objects++
  for (const [i, item] of items.entries())
    if (item !== null && !readObject(loading, from, ofList(list, kind, item), [...path, i], item))
      failAt(loading, from.document, [...path, i], `${kind}: items[${i}]: is ${foreign}`)
  return true
}

/** An item of a typed list (`NetworkPolicyList`) need not repeat what the list says of it. */
function ofList(list: Readonly<Record<string, unknown>>, kind: string, item: unknown): unknown {
  if (kind === 'List' || !isObject(item) || Object.hasOwn(item, 'kind')) return item
  return { apiVersion: own(list, 'apiVersion'), kind: kind.slice(0, -'List'.length), ...item }
}

function nameOf(identity: Identity): string {
  return identity.name === '' ? identity.kind : describe(identity)
}

function placeOf(path: Path): string {
  return path.length === 0 ? '' : `${formatPath(path)}: `
}
