import { readFileSync, statSync } from 'node:fs'
import { formatPath, isObject, own, type Path } from '../k8s/json.ts'
import { describe, type Identity, type Resource, readResource } from '../k8s/resource.ts'
import type { Document } from './document.ts'
import { chartOf, findFiles } from './find-files.ts'
import { type InputFailure, type ReadDocument, readDocuments } from './read-document.ts'

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

const mostBytes = 10 * 1024 * 1024
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
  const seen = new Set<string>()
  for (const path of paths) {
    if (path === '-') {
      if (options.stdin) readBytes(loading, stdinName, await options.stdin(), true)
      continue
    }
    let found: ReturnType<typeof findFiles>
    try {
      found = findFiles(path)
    } catch (error) {
      fail(loading, path, reasonOf(error))
      continue
    }
    if (found === undefined) fail(loading, path, 'there is no such file or folder; check the path')
    for (const { file, named } of found ?? []) {
      if (seen.has(file)) continue
      seen.add(file)
      readFile(loading, file, named)
    }
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

function fail(loading: Loading, file: string, text: string, line = 1, column = 1): void {
  loading.failures.push({ file, line, column, text })
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function readFile(loading: Loading, file: string, named: boolean): void {
  try {
    const { size } = statSync(file)
    if (size > mostBytes) fail(loading, file, tooLarge(size))
    else readBytes(loading, file, readFileSync(file), named)
  } catch (error) {
    fail(loading, file, `cannot be read: ${reasonOf(error)}`)
  }
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
    return fail(loading, file, 'is not UTF-8 text; Kubernetes takes no other encoding')
  }
  readText(loading, file, text, named)
}

function readText(loading: Loading, file: string, text: string, named: boolean): void {
  loading.files++
  const chart = chartOf(file)
  if (chart !== undefined && braces.test(text)) return reportTemplate(loading, file, chart, named)
  const documents = readDocuments(file, text)
  if (documents.length > mostDocuments)
    return fail(
      loading,
      file,
      `${documents.length} documents are more than the ${mostDocuments} that are read of one file; split it`,
    )
  // Only what does not parse is a template: most files with double braces are rules of Prometheus, Argo and the like.
  if (documents.some((read) => 'failure' in read) && helmAction.test(text))
    return reportTemplate(loading, file, chart, named)

  const before = loading.objects
  const failuresBefore = loading.failures.length
  const resourcesBefore = loading.resources.length
  for (const read of documents) readValue(loading, read)
  if (loading.resources.length > resourcesBefore) loading.texts.set(file, text)
  if (named && loading.objects === before && loading.failures.length === failuresBefore)
    fail(loading, file, 'holds no Kubernetes object (one has apiVersion and kind)')
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

function readValue(loading: Loading, read: ReadDocument): void {
  if ('failure' in read) {
    loading.failures.push(read.failure)
    return
  }
  const { document, value } = read
  if (isObject(value) && isObject(own(value, 'sops'))) {
    loading.notices.push({ file: document.file, text: 'is encrypted with SOPS and was not judged' })
    return
  }
  readObject(loading, document, value, [])
}

function readObject(loading: Loading, document: Document, value: unknown, prefix: Path): void {
  const items = isObject(value) ? own(value, 'items') : undefined
  const kind = isObject(value) ? own(value, 'kind') : undefined
  if (isObject(value) && Array.isArray(items) && typeof kind === 'string' && kind.endsWith('List')) {
    for (const [i, item] of items.entries())
      readObject(loading, document, ofList(value, kind, item), [...prefix, 'items', i])
    return
  }
  const read = readResource(value)
  switch (read.as) {
    case 'foreign':
      return
    case 'other':
      loading.objects++
      return
    case 'malformed': {
      loading.objects++
      const { line, column } = document.place([...prefix, ...read.path])
      fail(loading, document.file, `${nameOf(read.identity)}: ${placeOf(read.path)}${read.reason}`, line, column)
      return
    }
    case 'resource': {
      loading.objects++
      if (own(read.resource.metadata.annotations, 'config.kubernetes.io/local-config') === 'true') return
      loading.resources.push(read.resource)
      loading.sources.set(read.resource, { document, prefix })
    }
  }
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
