import { ruleDefiner } from '../core/rule.ts'
import type { LinkerdSettings } from './settings.ts'

/** Defines a rule whose view knows this cluster's Linkerd. */
export const defineRule = ruleDefiner<LinkerdSettings>()
