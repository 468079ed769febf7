import { mostBytes } from '../manifests/load.ts'

/** What a command needs of the process, as an argument. `process` itself is one. */
export interface World {
  readonly stdin: AsyncIterable<Uint8Array | string> & { readonly isTTY?: boolean }
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  cwd(): string
  /** The wall clock, unless another one is given. */
  now?(): Date
}

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Standard input, and no more of it than a file may have. */
export async function readAll(stdin: World['stdin']): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of stdin) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    chunks.push(piece)
    bytes += piece.length
    if (bytes > mostBytes) break
  }
  return Buffer.concat(chunks)
}
