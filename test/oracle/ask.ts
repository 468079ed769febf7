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

/** Asks a policy engine about these worlds. */
export function ask(program: string, worlds: readonly World[]): Answer[] {
  return askLines<Answer>(program, worlds)
}

/** Puts questions to a program: one JSON line each, one line back. */
export function askLines<Reply>(program: string, questions: readonly object[]): Reply[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('')
  const run = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 30 })
  if (run.error) throw run.error
  if (run.status !== 0) throw new Error(`${program} ended with ${run.status}: ${run.stderr.slice(0, 2000)}`)
  const replies = run.stdout
    .trimEnd()
    .split('\n')
    .map((line): Reply => JSON.parse(line))
  if (replies.length !== questions.length)
    throw new Error(`${program}: ${replies.length} of ${questions.length} answered`)
  return replies
}
