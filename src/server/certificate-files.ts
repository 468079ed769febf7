import { readFile, realpath } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { hashOf, type PairSource, type ReadPair } from './certificate-pair.ts'

/** Where a pair lies. */
export interface PairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** How files are read, and how long one waits until those outside a volume may be taken for written. */
export interface Disk {
  readonly read: (file: string) => Promise<string>
  readonly settle: () => Promise<void>
}

const disk: Disk = {
  read: (file) => readFile(file, 'utf8'),
  settle: () => setTimeout(200),
}

/** The pair in these files, as it is whenever somebody looks. */
export function pairInFiles(files: PairFiles): PairSource {
  return { read: () => readPair(files) }
}

/**
 * Reads a pair without tearing it. In a volume the kubelet swaps the link `..data`; reading both files through one
 * resolution of it gives files of one generation. Elsewhere both are read again a moment later: what is being written
 * changes in between.
 *
 * @throws when a file cannot be read, or does not come to rest
 */
export async function readPair(files: PairFiles, { read, settle }: Disk = disk): Promise<ReadPair> {
  const { certFile, keyFile } = files
  const folder = dirname(certFile)
  for (let attempt = 0; attempt < 5; attempt++) {
    const generation = await generationOf(folder)
    const readBoth = () =>
      Promise.all([read(within(generation, folder, certFile)), read(within(generation, folder, keyFile))])
    try {
      const [cert, key] = await readBoth()
      if (generation === undefined) await settle()
      const [certNow, keyNow] = generation === undefined ? await readBoth() : [cert, key]
      if (cert === certNow && key === keyNow && (await generationOf(folder)) === generation)
        return { cert, key, hash: hashOf({ cert, key }) }
    } catch (error) {
      // The kubelet removes a generation as soon as the next one is in force.
      if ((await generationOf(folder)) === generation) throw error
    }
  }
  throw new Error(`${certFile} and ${keyFile} keep changing while they are read`)
}

/** The folder that the kubelet's `..data` leads to now, or undefined outside a volume. */
async function generationOf(folder: string): Promise<string | undefined> {
  try {
    return await realpath(join(folder, '..data'))
  } catch {
    return undefined
  }
}

function within(generation: string | undefined, folder: string, file: string): string {
  return generation === undefined || dirname(file) !== folder ? file : join(generation, relative(folder, file))
}
