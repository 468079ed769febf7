import type { Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Document } from './document.ts'
import type { InputFailure } from './read-document.ts'

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

/** What has been read so far. */
export interface Loading extends Loaded {
  readonly resources: Resource[]
  readonly sources: Map<Resource, Source>
  readonly texts: Map<string, string>
  readonly failures: InputFailure[]
  readonly notices: Notice[]
  /** Those whose templates were told of. */
  readonly charts: Set<string>
  files: number
  objects: number
}

/** Nothing yet. */
export function startLoading(): Loading {
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

/** Notes that something cannot be read, and why, with the way out. Lines and columns are 1-based. */
export function fail(loading: Loading, file: string, text: string, line = 1, column = 1): void {
  loading.failures.push({ file, line, column, text })
}

/** The same, at the place to which a path leads. */
export function failAt(loading: Loading, document: Document, path: Path, text: string): void {
  const { line, column } = document.place(path)
  fail(loading, document.file, text, line, column)
}
