import type { Court } from '../../src/admission/court.ts'
import type { Config } from '../../src/config/config.ts'
import { defineRule } from '../../src/linkerd/rule.ts'
import { rules } from '../../src/rules/index.ts'
import { unmarked } from '../admission/made-rules.ts'
import { shop, strict } from '../admission/reviews.ts'
import { documentation } from '../core/documentation.ts'

/*
 * Rules that were made to be loud, wrong, broken or eager, when an annotation of the object says so; and a court that judges by
 * them beside the real ones.
 */

const rude = 'line one\r\nline two \u001b[31mred\u0007 \u202e 😀 '

/** As many findings as the Service's annotation says, in words that no header would take. */
const loud = defineRule({
  ...documentation,
  id: 'service-loud',
  messages: { loud: '{{text}}' },
  reads: [],
  check: {
    *Service({ metadata }) {
      const count = Number(metadata.annotations?.['test/loud'] ?? 0)
      for (let i = 0; i < count; i++)
        yield { message: 'loud', path: [], data: { text: `${i} ${rude.repeat(15)}` }, confidence: 'high' }
    },
  },
})

const wrong = defineRule({
  ...documentation,
  id: 'service-wrong',
  messages: { wrong: '{{text}}' },
  reads: [],
  check: {
    *Service({ metadata }) {
      if (metadata.annotations?.['test/wrong'] === undefined) return
      yield { message: 'wrong', path: ['spec', 'ports', 0], data: { text: rude }, confidence: 'high' }
      yield { message: 'wrong', path: ['spec', 'ports', 0, 'port'], data: { text: 'and so on' }, confidence: 'high' }
    },
  },
})

const broken = defineRule({
  ...documentation,
  id: 'service-breaks',
  messages: { never: 'x' },
  reads: [],
  check: {
    // No yield: it throws where it is told to.
    *Service({ metadata }) {
      if (metadata.annotations?.['test/break'] !== undefined) throw new Error('our fault')
    },
  },
})

const all = [...rules, loud, wrong, broken, unmarked]
const config: Config = {
  ...strict,
  enforcement: {
    ...strict.enforcement,
    rules: new Map([
      ['service-loud', { enforcement: 'warn' }],
      ['service-wrong', { enforcement: 'deny' }],
      ['pod-unmarked', { enforcement: 'audit' }],
    ]),
  },
  fix: new Set(all.map(({ id }) => id)),
}
export const court: Court = { rules: all, snapshot: shop, config, now: 0 }
