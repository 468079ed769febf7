import type { Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Fix } from './edit.ts'

/** How bad it is when it happens. */
export type Severity = 'error' | 'warning' | 'info'

/** How sure we are that it happens. Only high confidence may deny. */
export type Confidence = 'high' | 'medium' | 'low'

/** Surest first. */
export const confidences = ['high', 'medium', 'low'] as const satisfies readonly Confidence[]

/** Severities, worst first. */
export const severities = ['error', 'warning', 'info'] as const satisfies readonly Severity[]

/** One occurrence of the defect a rule names. */
export interface Finding {
  /** Id of the rule. */
  readonly rule: string
  /** Id of the message within the rule; tests and tools use it, people read `text`. */
  readonly message: string
  readonly text: string
  readonly severity: Severity
  readonly confidence: Confidence
  readonly subject: Resource
  /** From the subject's root to the value that is meant. */
  readonly path: Path
  /** Where the text has the path's last key several times and an entry is meant that does not count: which, from 0. */
  readonly entry?: number
  readonly fix?: Fix
}

/** Our own fault: a rule threw. It hides no other rule. */
export interface Failure {
  readonly rule: string
  readonly subject: Resource
  readonly error: unknown
}

/** Is `severity` at least as bad as `threshold`? */
export function atLeast(severity: Severity, threshold: Severity): boolean {
  return severities.indexOf(severity) <= severities.indexOf(threshold)
}
