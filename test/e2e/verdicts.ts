import type t from 'tap'
import type { Answer } from './cluster.ts'

/* What kubectl says of an object that somebody wants in the cluster. */

type Tap = Pick<typeof t, 'equal' | 'match'>

/** @param stderr all that is said, or what is to be seen in it */
export function accepts(t: Tap, answer: Answer, stderr: string | RegExp = ''): void {
  if (typeof stderr === 'string') t.equal(answer.stderr, stderr, 'says so')
  else t.match(answer.stderr, stderr, 'says so')
  t.equal(answer.status, 0, 'accepts')
}

/** @param stderr all that is said, or what is to be seen in it */
export function rejects(t: Tap, answer: Answer, stderr: string | RegExp): void {
  if (typeof stderr === 'string') t.equal(answer.stderr, stderr, 'says why')
  else t.match(answer.stderr, stderr, 'says why')
  t.equal(answer.status, 1, 'rejects')
}
