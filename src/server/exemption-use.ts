import { type Exemption, endOf, nameExemption, phaseOf } from '../core/exemption.ts'

/** Where an exemption is, for whoever looks after them: the first that is true. */
type ExemptionState = 'expired' | 'ending' | 'unused' | 'used'

/** Which exemptions reviews needed since the start; also of those that a new configuration repeats. */
export interface ExemptionUse {
  note(exemption: Exemption): void
  /** How many are in each state. */
  count(exemptions: readonly Exemption[], now: number): Readonly<Record<ExemptionState, number>>
  /** A line for each that somebody should look at. */
  lines(exemptions: readonly Exemption[], now: number): string[]
}

export function createExemptionUse(): ExemptionUse {
  const used = new Set<string>()
  const stateOf = (exemption: Exemption, now: number): ExemptionState => {
    const phase = phaseOf(exemption, now)
    if (phase !== 'holds') return phase === 'expired' ? 'expired' : 'ending'
    return used.has(nameExemption(exemption)) ? 'used' : 'unused'
  }
  return {
    note: (exemption) => void used.add(nameExemption(exemption)),
    count(exemptions, now) {
      const counts = { expired: 0, ending: 0, unused: 0, used: 0 }
      for (const exemption of exemptions) counts[stateOf(exemption, now)]++
      return counts
    },
    lines: (exemptions, now) =>
      exemptions.flatMap((exemption) => {
        const name = nameExemption(exemption)
        switch (stateOf(exemption, now)) {
          case 'expired':
            return [`exemption expired ${endOf(exemption)}: ${name}`]
          case 'ending':
            return [`exemption ends ${endOf(exemption)}: ${name}`]
          case 'unused':
            return [`exemption unused since the start: ${name}`]
          case 'used':
            return []
        }
      }),
  }
}
