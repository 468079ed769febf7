import { Ajv } from 'ajv'
import fc from 'fast-check'
import t from 'tap'
import { defaultConfig, readConfig } from '../../src/config/config.ts'
import { configSchema } from '../../src/config/schema.ts'
import { nearest, validate } from '../../src/config/validate.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'

const ids = ['first-rule', 'second-rule']
const schema = configSchema(ids)

t.test('it takes an empty file for the defaults', async (t) => {
  for (const value of [undefined, null, {}]) t.same(readConfig(value, ids), { config: defaultConfig })
})

t.test('it has the defaults its schema states', async (t) => {
  const { linkerd, ceiling, suppressDenials, requireInjection } = schema.properties
  const stated = Object.entries(linkerd?.type === 'object' ? linkerd.properties : {}).map(([key, member]) => [
    key,
    'default' in member ? member.default : undefined,
  ])
  const { requireInjection: required, assume, certificates, ...rest } = defaultSettings
  t.same(Object.fromEntries(stated), rest)
  t.equal(assume, 'annotations')
  t.equal(certificates, undefined)
  t.match(ceiling, { default: defaultConfig.enforcement.ceiling })
  t.match(suppressDenials, { default: defaultConfig.enforcement.suppressDenials })
  t.match(requireInjection, { default: required })
})

t.test('it reads every key', async (t) => {
  const result = readConfig(
    {
      ceiling: 'warn',
      suppressDenials: true,
      rules: { 'first-rule': { enforcement: 'deny', fix: true }, 'second-rule': { fix: false } },
      requireInjection: ['shop'],
      linkerd: { transportMode: 'transparent', minor: 17, opaquePorts: '3306' },
    },
    ids,
  )
  t.same(result, {
    config: {
      enforcement: { ceiling: 'warn', rules: new Map([['first-rule', 'deny']]), suppressDenials: true },
      fix: new Set(['first-rule']),
      linkerd: {
        ...defaultSettings,
        transportMode: 'transparent',
        minor: 17,
        opaquePorts: '3306',
        requireInjection: ['shop'],
      },
    },
  })
})

t.test('it names every mistake, its place and the nearest word', async (t) => {
  const errors = validate(schema, {
    cieling: 'deny',
    ceiling: 'denny',
    rules: { 'first-rul': {}, 'first-rule': { fix: 'yes' } },
    linkerd: { minor: 2.18, inboundPort: 0, clusterNetworks: [10] },
    requireInjection: 'shop',
    constructor: 1,
  })
  t.same(
    errors.map(({ path, text }) => `${path.join('.')}: ${text}`),
    [
      'cieling: unknown key "cieling"; did you mean ceiling?',
      'ceiling: "denny" is not one of deny, warn, audit, off; did you mean deny?',
      'rules.first-rul: unknown key "first-rul"; did you mean first-rule?',
      'rules.first-rule.fix: expected true or false, found "yes"',
      'linkerd.minor: expected an integer from 10 to 999, found 2.18',
      'linkerd.inboundPort: expected an integer from 1 to 65535, found 0',
      'linkerd.clusterNetworks.0: expected a string, found 10',
      'requireInjection: expected a list, found "shop"',
      'constructor: unknown key "constructor"',
    ],
  )
  t.equal(nearest('zzzzzz', ['ceiling']), undefined)
})

t.test('it means what JSON Schema means', async (t) => {
  const accepts = new Ajv({ strict: false }).compile(schema)
  const wrong = fc.constantFrom<unknown>('x', -1, 70000, null, 1.5, {}, [], [1])
  const or = (right: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: wrong })
  const enforcement = or(fc.constantFrom('deny', 'warn', 'audit', 'off'))
  const rule = or(fc.record({ enforcement, fix: or(fc.boolean()) }, { requiredKeys: [] }))
  const linkerd = fc.record(
    {
      minor: or(fc.integer({ min: 5, max: 40 })),
      inboundPort: or(fc.integer({ min: 0, max: 65536 })),
      opaquePorts: or(fc.constant('25')),
      transportMode: or(fc.constantFrom('transparent', 'transport-header')),
      clusterNetworks: or(fc.array(or(fc.constant('10.0.0.0/8')), { maxLength: 2 })),
    },
    { requiredKeys: [] },
  )
  const file = fc.record(
    {
      ceiling: enforcement,
      suppressDenials: or(fc.boolean()),
      requireInjection: or(fc.array(fc.constant('shop'), { maxLength: 2 })),
      rules: or(fc.dictionary(fc.constantFrom('first-rule', 'first-rule', 'third-rule'), rule, { maxKeys: 1 })),
      linkerd: or(linkerd),
    },
    { requiredKeys: [] },
  )
  let accepted = 0
  fc.assert(
    fc.property(file, (candidate) => {
      const ours = validate(schema, candidate).length === 0
      if (ours) accepted++
      return ours === accepts(candidate)
    }),
    { numRuns: 2000, seed: 1 },
  )
  t.comment(`2000 configurations, ${accepted} of them valid`)
  t.ok(accepted > 200 && accepted < 1800, 'both answers occur')
})
