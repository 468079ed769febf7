import type { Confidence, Severity } from '../../core/finding.ts'
import type { Meshed } from '../pods/meshed.ts'
import type { Identified } from './identify-protocol.ts'

/** How sure it is that software on a port suffers: a mesh and software that are both known; a number alone is not enough. */
export function confidenceIn(meshed: Meshed, { by, protocol }: Identified): Confidence {
  if (meshed !== 'yes' || protocol.evidence === 'low') return 'low'
  return by === 'number' || protocol.evidence === 'medium' ? 'medium' : 'high'
}

/** An error needs sure knowledge; a warning, a good guess. */
export const severityOf: Readonly<Record<Confidence, Severity>> = { high: 'error', medium: 'warning', low: 'info' }
