import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PairFiles } from '../../src/server/certificate-files.ts'

/** A Secret as the kubelet mounts it: files are links through `..data`, which it swaps (pkg/volume/util/atomic_writer.go). */
export interface Volume extends PairFiles {
  readonly folder: string
  /** Puts another content in force, and removes the one before. */
  readonly write: (pair: { readonly cert: string; readonly key: string }) => void
  readonly remove: () => void
}

export function makeVolume(pair: { readonly cert: string; readonly key: string }): Volume {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-volume-'))
  let generation = 0
  const write = ({ cert, key }: { readonly cert: string; readonly key: string }) => {
    const before = join(folder, `..${generation}`)
    const home = `..${++generation}`
    mkdirSync(join(folder, home))
    writeFileSync(join(folder, home, 'tls.crt'), cert)
    writeFileSync(join(folder, home, 'tls.key'), key)
    symlinkSync(home, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    rmSync(before, { recursive: true, force: true })
  }
  write(pair)
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(join('..data', name), join(folder, name))
  return {
    folder,
    certFile: join(folder, 'tls.crt'),
    keyFile: join(folder, 'tls.key'),
    write,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
