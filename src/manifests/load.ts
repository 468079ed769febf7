import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { hasMoreMarks } from './document.ts'
import { chartOf, type FoundFile, findFiles, reasonOf } from './find-files.ts'
import { isKustomization, readKustomization } from './kustomization.ts'
import { fail, type Loaded, type Loading, startLoading } from './loading.ts'
import { mostJsonMarks, readDocuments } from './read-document.ts'
import { foreign, readObjects } from './read-objects.ts'

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
  for (const read of documents) readObjects(loading, read, named)
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
