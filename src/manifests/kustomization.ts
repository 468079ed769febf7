import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isObject, own } from '../k8s/json.ts'
import { readDocuments } from './read-document.ts'

/** What a kustomization makes of the files beside it. */
export interface Kustomization {
  readonly folder: string
  /** Its fields by which what it builds differs from the files, in words of its own; none for a mere list of resources. */
  readonly changes: readonly string[]
  /** Files of patches: parts of objects, not objects. */
  readonly patches: readonly string[]
}

/** Names that kustomize looks for (sigs.k8s.io/kustomize/api/konfig). */
const names: ReadonlySet<string> = new Set(['kustomization.yaml', 'kustomization.yml', 'Kustomization'])

/** Fields that change objects, or bring further ones (kustomize/api/types/kustomization.go). */
const changing = [
  'namespace',
  'namePrefix',
  'nameSuffix',
  'labels',
  'commonLabels',
  'commonAnnotations',
  'patches',
  'patchesStrategicMerge',
  'patchesJson6902',
  'replacements',
  'replicas',
  'components',
  'generators',
  'transformers',
  'helmCharts',
] as const

/** Could the file be a kustomization, by its name? */
export function isKustomization(file: string): boolean {
  return names.has(basename(file))
}

/** Reads a kustomization. Undefined where it cannot be read: whoever judges the file says why. */
export function readKustomization(file: string): Kustomization | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const [read] = readDocuments(file, text, 1)
  if (read === undefined || 'failure' in read || !isObject(read.value)) return undefined
  const { value } = read
  const folder = dirname(file)
  const listOf = (field: string) => {
    const list = own(value, field)
    return Array.isArray(list) ? (list as readonly unknown[]) : []
  }
  const paths = [
    ...['patches', 'patchesJson6902']
      .flatMap(listOf)
      .map((patch) => (isObject(patch) ? own(patch, 'path') : undefined)),
    // An entry of several lines is the patch itself.
    ...listOf('patchesStrategicMerge'),
  ].filter((path) => typeof path === 'string' && !path.includes('\n'))
  return {
    folder,
    changes: changing.filter((field) => !isEmpty(own(value, field))),
    patches: paths.map((path) => join(folder, String(path))),
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
