import type { World } from '../../src/commands/world.ts'

/** What a command said. */
export interface Said {
  readonly stdout: string
  readonly stderr: string
}

/** A world without a terminal, in a folder, and what is said in it. */
export function worldIn(
  folder: string,
  {
    stdin = [],
    env = {},
    isTTY = false,
  }: Partial<{ stdin: readonly (string | Uint8Array)[]; env: World['env']; isTTY: boolean }> = {},
): { readonly world: World; readonly said: Said } {
  const said = { stdout: '', stderr: '' }
  const world: World = {
    stdin: (async function* () {
      yield* stdin
    })(),
    stdout: { isTTY, write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
    env,
    cwd: () => folder,
  }
  return { world, said }
}
