/** What a rule says of itself, of rules that are made for a test. */
export const documentation = {
  severity: 'error',
  judges: 'both',
  summary: 's.',
  why: 'w',
  remediation: 'r.',
  sources: ['x'],
} as const
