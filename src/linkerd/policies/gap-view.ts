import type { View } from '../../core/view.ts'
import type { LinkerdSettings } from '../settings.ts'
import { policyReads } from './policy-forms.ts'
import { wireReads } from './wire-port.ts'

/** What must be read to know where policies leave out the proxy's port. */
export const gapReads = [...policyReads, ...wireReads] as const

export type GapView = View<(typeof gapReads)[number], LinkerdSettings>
