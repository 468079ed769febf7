import { createHash } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { CertificatePair } from './certificate-pair.ts'

/** Where a pair lies. */
export interface PairFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A pair as it lay in the files at one moment. */
export interface ReadPair extends CertificatePair {
  /** Of both files' content: another pair, another hash. */
  readonly hash: string
}

/**
 * Reads a pair without tearing it. In a volume the kubelet swaps the link `..data`; reading both files through one
 * resolution of it gives files of one generation. Elsewhere both are read twice until nothing has changed in between.
 *
 * @throws when a file cannot be read, or does not come to rest
 */
export async function readPair({ certFile, keyFile }: PairFiles): Promise<ReadPair> {
  const folder = dirname(certFile)
  for (let attempt = 0; attempt < 5; attempt++) {
    const generation = await generationOf(folder)
    const [cert, key] = await Promise.all([
      readFile(within(generation, folder, certFile), 'utf8'),
      readFile(within(generation, folder, keyFile), 'utf8'),
    ])
    const settled =
      generation === undefined
        ? (await readFile(certFile, 'utf8')) === cert && (await readFile(keyFile, 'utf8')) === key
        : (await generationOf(folder)) === generation
    if (settled) return { cert, key, hash: createHash('sha256').update(cert).update('\0').update(key).digest('hex') }
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
