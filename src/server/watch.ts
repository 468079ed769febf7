/** Looks at one thing again and again. */
export interface Watch {
  look(): Promise<void>
  /** What was seen, for people, a line each. */
  lines(): readonly string[]
  /** Why the replica should get no more calls. */
  unready(): readonly string[]
}

/** Where it tells of changes. */
export type SelfLog = Record<'info' | 'warn' | 'error', (text: string) => void>
