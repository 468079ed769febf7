import { globSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file to read: as it is to be called, and whether the user named it (so that its faults are his to hear of). */
export interface FoundFile {
  readonly file: string
  readonly named: boolean
}

/** Folders nobody applies. */
const skippedFolders = new Set(['.git', 'node_modules', '.terraform', '.tox', '.venv'])
const manifest = /\.(?:ya?ml|json)$/i

/**
 * The files a path stands for: itself, a folder's manifests (recursive, sorted), or what a glob matches. Undefined when
 * there is nothing. Links to folders are followed once; a loop ends.
 */
export function findFiles(path: string): FoundFile[] | undefined {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory())
    return [...walk(path.replace(/(?<=.)\/+$/, ''), new Set())].map((file) => ({ file, named: false }))
  if (stat) return [{ file: path, named: true }]
  if (!/[*?[{]/.test(path)) return undefined
  const matches = globSync(path).toSorted()
  const found = matches.flatMap((match) => findFiles(match.replaceAll('\\', '/')) ?? [])
  return found.length > 0 ? found : undefined
}

function* walk(folder: string, visited: Set<string>): Generator<string> {
  const real = realpathSync(folder)
  if (visited.has(real)) return
  visited.add(real)
  const entries = readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = folder === '.' ? entry.name : `${folder === '/' ? '' : folder}/${entry.name}`
    const target = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry
    if (target?.isDirectory()) {
      if (!skippedFolders.has(entry.name)) yield* walk(path, visited)
    } else if (target?.isFile() && manifest.test(entry.name)) yield path
  }
}

/** The chart a file is a template of, or undefined. */
export function chartOf(file: string): string | undefined {
  const match = /^(.*\/|)templates\/(?:.*\/)?[^/]+$/.exec(file)
  if (!match) return undefined
  const chart = match[1] === '' ? '.' : (match[1] ?? '').slice(0, -1)
  return lstatSync(join(chart, 'Chart.yaml'), { throwIfNoEntry: false }) ? chart : undefined
}
