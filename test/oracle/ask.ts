import { spawnSync } from 'node:child_process'
import type { World } from './worlds.ts'

/** What an engine says of one query. */
export interface Result {
  readonly verdict: 'allow' | 'deny' | 'error'
  readonly isolated: boolean
  /** Why this result is no evidence. */
  readonly caveats?: readonly string[]
  readonly error?: string
}

export interface Answer {
  readonly id: number
  readonly results: readonly Result[]
  /** Policies that the engine left out. */
  readonly errors?: readonly { readonly policy: string; readonly stage: string; readonly error: string }[]
}

/** Asks a policy engine about these worlds: one JSON line each, one line back. */
export function ask(program: string, worlds: readonly World[]): Answer[] {
  const input = worlds.map((world) => `${JSON.stringify(world)}\n`).join('')
  const run = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 30 })
  if (run.error) throw run.error
  if (run.status !== 0) throw new Error(`${program} ended with ${run.status}: ${run.stderr.slice(0, 2000)}`)
  const answers = run.stdout
    .trimEnd()
    .split('\n')
    .map((line): Answer => JSON.parse(line))
  if (answers.length !== worlds.length) throw new Error(`${program}: ${answers.length} answers to ${worlds.length}`)
  return answers
}
