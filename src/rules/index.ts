import type { Rule } from '../core/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

/** Every rule, in alphabetical order of ids. */
export const rules: readonly Rule<LinkerdSettings>[] = []
