import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PairFiles } from '../../src/server/certificate-files.ts'

/**
 * Keeps a folder as the kubelet keeps a volume: files are links through `..data`, which it swaps
 * (pkg/volume/util/atomic_writer.go).
 *
 * @returns puts files in force, by their names, and removes those before
 */
export function keepVolume(folder: string): (files: Readonly<Record<string, string | Uint8Array>>) => void {
  let generation = 0
  return (files) => {
    const before = join(folder, `..${generation}`)
    const home = `..${++generation}`
    mkdirSync(join(folder, home), { recursive: true })
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, home, name), content)
    symlinkSync(home, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    for (const name of Object.keys(files)) {
      const link = join(folder, name)
      if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(join('..data', name), link)
    }
    rmSync(before, { recursive: true, force: true })
  }
}

/** A Secret of type kubernetes.io/tls as the kubelet mounts it. */
export interface Volume extends PairFiles {
  readonly folder: string
  /** Puts another content in force, and removes the one before. */
  readonly write: (pair: { readonly cert: string; readonly key: string }) => void
  readonly remove: () => void
}

export function makeVolume(pair: { readonly cert: string; readonly key: string }): Volume {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-volume-'))
  const put = keepVolume(folder)
  const write: Volume['write'] = ({ cert, key }) => put({ 'tls.crt': cert, 'tls.key': key })
  write(pair)
  return {
    folder,
    certFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    write,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
