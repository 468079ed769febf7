import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { formatPath, isObject, isUnresolved, own, type Path, valueAt } from '../k8s/json.ts'
import { describe, type Identity, type Resource, readResource } from '../k8s/resource.ts'
import { type Document, hasMoreMarks } from './document.ts'
import { chartOf, type FoundFile, findFiles, reasonOf } from './find-files.ts'
import { isKustomization, readKustomization } from './kustomization.ts'
import { type InputFailure, mostJsonMarks, type ReadDocument, readDocuments } from './read-document.ts'
import { repeatsIn } from './repeats.ts'

/** Where a resource came from: its document, and the path of the resource within it (`items[3]` of a List, or empty). */
export interface Source {
  readonly document: Document
  readonly prefix: Path
}

/** Something that was left out on purpose, and what to do about it. */
export interface Notice {
  readonly file: string
  readonly text: string
}

/** What was read. */
export interface Loaded {
  /** Of the kinds that rules know, in the order of the input. */
  readonly resources: readonly Resource[]
  readonly sources: ReadonlyMap<Resource, Source>
  /** Text of each file that holds a resource, as it was read. */
  readonly texts: ReadonlyMap<string, string>
  readonly failures: readonly InputFailure[]
  readonly notices: readonly Notice[]
  /** How many files were read. */
  readonly files: number
  /** How many Kubernetes objects they held, of any kind. */
  readonly objects: number
}

/** Larger files are not read. */
export const mostBytes = 10 * 1024 * 1024
const mostDocuments = 10_000

/** Name of standard input in places. */
export const stdinName = '<stdin>'

/**
 * Reads manifests: files, folders, globs, `-` for standard input. What cannot be read is a failure that names the place
 * and the way out, and hides nothing else. Files below a folder that hold no Kubernetes object are passed over.
 */
export async function loadPaths(
  paths: readonly string[],
  options: { readonly stdin?: () => Promise<Uint8Array> },
): Promise<Loaded> {
  const loading = startLoading()
  const found = new Map<string, { readonly file: string; named: boolean }>()
  for (const path of paths) {
    const files = path === '-' ? [{ file: path, named: true }] : findFiles(path)
    if (files === undefined) fail(loading, path, 'there is no such file or folder; check the path')
    for (const file of files ?? []) {
      const key = file.file === '-' ? '-' : resolve(file.file)
      const earlier = found.get(key)
      if ('reason' in file) fail(loading, file.file, `cannot be read: ${file.reason}`)
      else if (!earlier) found.set(key, { ...file })
      else earlier.named ||= file.named
    }
  }
  const patches = leaveOutPatches(loading, [...found.values()])
  for (const [key, { file, named }] of found) {
    if (patches.has(key) && !named) continue
    if (file !== '-') readFile(loading, file, named)
    else if (options.stdin) readBytes(loading, stdinName, await options.stdin(), true)
  }
  return loading
}

/** Reads the manifests in one text, as if it were a file that was named. */
export function loadText(file: string, text: string): Loaded {
  const loading = startLoading()
  readText(loading, file, text, true)
  return loading
}

interface Loading extends Loaded {
  readonly resources: Resource[]
  readonly sources: Map<Resource, Source>
  readonly texts: Map<string, string>
  readonly failures: InputFailure[]
  readonly notices: Notice[]
  readonly charts: Set<string>
  files: number
  objects: number
}

function startLoading(): Loading {
  return {
    resources: [],
    sources: new Map(),
    texts: new Map(),
    failures: [],
    notices: [],
    charts: new Set(),
    files: 0,
    objects: 0,
  }
}

/**
 * The patches of kustomizations in folders, as absolute paths. What a kustomization builds is for kustomize to say, which may
 * fetch and run things; so a notice tells how, and the files are judged as they stand.
 */
function leaveOutPatches(loading: Loading, files: readonly FoundFile[]): ReadonlySet<string> {
  const all = files.filter(({ file, named }) => !named && isKustomization(file))
  const changing = all
    .map(({ file }) => readKustomization(file))
    .filter((one) => one !== undefined)
    .filter(({ changes }) => changes.length > 0)
  const [first, ...others] = changing
  if (first) {
    const more = others.length > 0 ? `, and ${others.length} more` : ''
    const what = `is a kustomization that changes objects (${first.changes.join(', ')})${more}: they were judged as they stand, and patches left out`
    const text = `${what}; to judge what it builds: kubectl kustomize ${first.folder} | meshgate check -`
    loading.notices.push({ file: first.folder, text })
  }
  return new Set(changing.flatMap((one) => one.patches.map((path) => resolve(path))))
}

function fail(loading: Loading, file: string, text: string, line = 1, column = 1): void {
  loading.failures.push({ file, line, column, text })
}

function readFile(loading: Loading, file: string, named: boolean): void {
  let bytes: Uint8Array
  try {
    const descriptor = openSync(file, 'r')
    try {
      const { size } = fstatSync(descriptor)
      if (size > mostBytes) return fail(loading, file, tooLarge(size))
      bytes = readFileSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    return fail(loading, file, `cannot be read: ${reasonOf(error)}`)
  }
  readBytes(loading, file, bytes, named)
}

function tooLarge(bytes: number): string {
  return `${bytes} bytes are more than the ${mostBytes} that are read of one file; split it`
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readBytes(loading: Loading, file: string, bytes: Uint8Array, named: boolean): void {
  if (bytes.length > mostBytes) return fail(loading, file, tooLarge(bytes.length))
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return fail(loading, file, 'is not UTF-8 text; save it as UTF-8')
  }
  readText(loading, file, text, named)
}

function readText(loading: Loading, file: string, text: string, named: boolean): void {
  loading.files++
  const chart = chartOf(file)
  if (chart !== undefined && braces.test(text)) return reportTemplate(loading, file, chart, named)
  if (hasMoreMarks(text, mostJsonMarks))
    return fail(loading, file, `holds more than ${mostJsonMarks} values or lines; split it`)
  const documents = readDocuments(file, text, mostDocuments + 1)
  if (documents.length > mostDocuments)
    return fail(loading, file, `holds more than the ${mostDocuments} documents that are read of one file; split it`)
  // Only what does not parse is a template: most files with double braces are rules of Prometheus, Argo and the like.
  if (documents.some((read) => 'failure' in read) && helmAction.test(text))
    return reportTemplate(loading, file, chart, named)

  const before = loading.objects
  const failuresBefore = loading.failures.length
  const resourcesBefore = loading.resources.length
  for (const read of documents) readValue(loading, read, named)
  if (loading.resources.length > resourcesBefore) loading.texts.set(file, text)
  if (named && loading.objects === before && loading.failures.length === failuresBefore)
    fail(loading, file, `holds ${foreign}`)
}

const braces = /\{\{/

/** An action that only a Helm template has: a keyword, a built-in object, a variable or a parenthesis opens it. */
const helmAction =
  /\{\{-?\s*(?:if|else|range|with|end|include|define|template|block|tpl|lookup|toYaml|fromYaml|default|quote|printf|nindent|indent|\/\*|\$|\(|\.(?:Values|Release|Chart|Capabilities|Files|Template)\b|\.)/

function reportTemplate(loading: Loading, file: string, chart: string | undefined, named: boolean): void {
  const text = `is a Helm template, not a manifest; render it: helm template ${chart ?? 'CHART'} | meshgate check -`
  if (named) return fail(loading, file, text)
  const place = chart ?? file
  if (loading.charts.has(place)) return
  loading.charts.add(place)
  loading.notices.push({ file, text })
}

function readValue(loading: Loading, read: ReadDocument, named: boolean): void {
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

const foreign = 'no Kubernetes object (one has apiVersion and kind)'

function failAt(loading: Loading, document: Document, path: Path, text: string): void {
  const { line, column } = document.place(path)
  fail(loading, document.file, text, line, column)
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
    return readList(loading, from, value, kind, prefix)
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
): boolean {
  const items = own(list, 'items') ?? []
  const path = [...prefix, 'items']
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
