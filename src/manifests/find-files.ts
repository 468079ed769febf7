import { type Dirent, globSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file to read: as it is to be called, and whether the user named it (so that its faults are his to hear of). */
export interface FoundFile {
  readonly file: string
  readonly named: boolean
}

/** Folders nobody applies. */
const skippedFolders = new Set(['.git', 'node_modules', '.terraform', '.tox', '.venv'])
const ending = /\.(?:ya?ml|json)$/i

/** A manifest by its name. kustomize has one without an ending. */
function isManifest(name: string): boolean {
  return ending.test(name) || name === 'Kustomization'
}

/** A place that could not be looked into, and why. */
export interface Unreadable {
  readonly file: string
  readonly reason: string
}

/**
 * The files a path stands for: itself, a folder's manifests (recursive, sorted), or what a glob matches. Undefined when
 * there is nothing. Links to folders are followed once; a loop ends. What cannot be looked into hides nothing else.
 */
export function findFiles(path: string): (FoundFile | Unreadable)[] | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory()) return [...walk(path.replace(/(?<=.)\/+$/, ''), new Set())]
    if (stat) return [{ file: path, named: true }]
  } catch (error) {
    return [{ file: path, reason: reasonOf(error) }]
  }
  if (!/[*?[{]/.test(path)) return undefined
  const found = globSync(path)
    .toSorted()
    .flatMap((match) => findFiles(match) ?? [])
    .map((file) => ('named' in file ? { ...file, named: false } : file))
  return found.length > 0 ? found : undefined
}

function* walk(folder: string, visited: Set<string>): Generator<FoundFile | Unreadable> {
  let entries: Dirent[]
  try {
    const real = realpathSync(folder)
    if (visited.has(real)) return
    visited.add(real)
    entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    yield { file: folder, reason: reasonOf(error) }
    return
  }
  for (const entry of entries) {
    const path = folder === '.' ? entry.name : `${folder === '/' ? '' : folder}/${entry.name}`
    try {
      const target = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry
      if (target?.isDirectory()) {
        if (!skippedFolders.has(entry.name)) yield* walk(path, visited)
      } else if (target?.isFile() && isManifest(entry.name)) yield { file: path, named: false }
    } catch (error) {
      // A link to itself is nothing, unless it is called like a manifest.
      if (isManifest(entry.name)) yield { file: path, reason: reasonOf(error) }
    }
  }
}

/** What to say of a failed system call. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The chart a file is a template of, or undefined. */
export function chartOf(file: string): string | undefined {
  const match = /^(.*\/|)templates\/(?:.*\/)?[^/]+$/.exec(file)
  if (!match) return undefined
  const chart = match[1] === '' ? '.' : (match[1] ?? '').slice(0, -1)
  return lstatSync(join(chart, 'Chart.yaml'), { throwIfNoEntry: false }) ? chart : undefined
}
