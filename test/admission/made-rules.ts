import { defineRule } from '../../src/linkerd/rule.ts'
import { documentation } from '../core/documentation.ts'

/** Fails on every Service. */
export const broken = defineRule({
  ...documentation,
  id: 'rule-broken',
  messages: { never: 'x' },
  reads: [],
  check: {
    // No yield: it throws before it could.
    *Service() {
      throw new Error('our fault')
    },
  },
})

/** Wants a label on every Pod, and can set it. */
export const unmarked = defineRule({
  ...documentation,
  id: 'pod-unmarked',
  messages: { unmarked: 'no mark' },
  reads: [],
  check: {
    *Pod({ metadata }) {
      const edit = { op: 'set', path: ['metadata', 'labels', 'marked'], value: 'yes' } as const
      if (metadata.labels?.['marked'] === undefined)
        yield { message: 'unmarked', path: [], data: {}, confidence: 'high', fix: { title: 'mark it', edits: [edit] } }
    },
  },
})
