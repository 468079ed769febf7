import { Ajv } from 'ajv'
import fc from 'fast-check'
import t from 'tap'
import { defaultConfig, readConfig } from '../../src/config/config.ts'
import { configSchema } from '../../src/config/schema.ts'
import { validate } from '../../src/config/validate.ts'
import { nearest } from '../../src/core/nearest.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'

const ids = ['first-rule', 'second-rule']
const schema = configSchema(ids)

t.test('it takes an empty file for the defaults', async (t) => {
  for (const value of [undefined, null, {}]) t.same(readConfig(value, ids), { config: defaultConfig })
})

t.test('it has the defaults its schema states', async (t) => {
  const { linkerd, ceiling, suppressDenials, requireInjection, exemptions, protocols } = schema.properties
  const stated = Object.entries(linkerd && 'properties' in linkerd ? linkerd.properties : {}).map(([key, member]) => [
    key,
    'default' in member ? member.default : undefined,
  ])
  const { requireInjection: required, protocols: added, assume, certificates, injector, ...rest } = defaultSettings
  t.same(Object.fromEntries(stated), rest)
  t.equal(assume, 'annotations')
  // What a cluster tells, and no file.
  t.same([certificates, injector], [undefined, undefined])
  t.match(ceiling, { default: defaultConfig.enforcement.ceiling })
  t.match(suppressDenials, { default: defaultConfig.enforcement.suppressDenials })
  t.match(requireInjection, { default: required })
  t.match(protocols, { default: added })
  t.match(exemptions, { default: defaultConfig.enforcement.exemptions })
})

t.test('it reads every key', async (t) => {
  const result = readConfig(
    {
      ceiling: 'warn',
      suppressDenials: true,
      rules: {
        'first-rule': {
          enforcement: 'deny',
          fix: true,
          namespaces: [
            { names: ['sandbox-*'], enforcement: 'off' },
            { selector: { matchLabels: { env: 'test' } }, enforcement: 'audit' },
          ],
        },
        'second-rule': { fix: false },
      },
      exemptions: [
        { rule: 'first-rule', namespace: 'shop', name: 'web-*', reason: 'x', owner: 'team-a', expires: '2027-01-31' },
        { rule: 'second-rule', reason: 'y' },
      ],
      requireInjection: ['shop', { selector: { matchExpressions: [{ key: 'mesh', operator: 'Exists' }] } }],
      protocols: [
        {
          id: 'acme-bus',
          class: 'server-first',
          evidence: 'medium',
          ports: [7001],
          images: ['acme-bus*'],
          greetsBeforeTls: true,
        },
        { id: 'acme-log', name: 'Acme log', class: 'client-first', ports: [4222], numberAlone: [4222] },
      ],
      linkerd: { transportMode: 'transparent', minor: 17, opaquePorts: '3306' },
    },
    ids,
  )
  const said = {
    transportMode: 'transparent',
    minor: 17,
    opaquePorts: '3306',
    requireInjection: ['shop', { selector: { matchExpressions: [{ key: 'mesh', operator: 'Exists' }] } }],
    protocols: [
      {
        id: 'acme-bus',
        name: 'acme-bus',
        class: 'server-first',
        evidence: 'medium',
        ports: [7001],
        images: ['acme-bus*'],
        portNames: [],
        greetsBeforeTls: true,
        source: 'configuration',
      },
      {
        id: 'acme-log',
        name: 'Acme log',
        class: 'client-first',
        ports: [4222],
        numberAlone: [4222],
        images: [],
        portNames: [],
        source: 'configuration',
      },
    ],
  }
  t.same(result, {
    config: {
      enforcement: {
        ceiling: 'warn',
        suppressDenials: true,
        rules: new Map([
          [
            'first-rule',
            {
              enforcement: 'deny',
              namespaces: [
                { patterns: ['sandbox-*'], enforcement: 'off' },
                { patterns: [{ selector: { matchLabels: { env: 'test' } } }], enforcement: 'audit' },
              ],
            },
          ],
          ['second-rule', { enforcement: undefined, namespaces: undefined }],
        ]),
        exemptions: [
          {
            rule: 'first-rule',
            namespace: 'shop',
            name: 'web-*',
            reason: 'x',
            owner: 'team-a',
            expires: { text: '2027-01-31', at: Date.parse('2027-02-01T00:00:00Z') },
          },
          { rule: 'second-rule', reason: 'y' },
        ],
      },
      fix: new Set(['first-rule']),
      linkerd: { ...defaultSettings, ...said },
      linkerdSaid: said,
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
    exemptions: [
      { rule: 'second-rul', reason: ' ', expires: 'tomorrow', namespace: 'Shop', until: 'x' },
      { rule: 'first-rule', reason: 12 },
      { reason: null },
    ],
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
      'linkerd.clusterNetworks.0: expected a string, found 10; put it in quotes',
      'requireInjection: expected a list, found "shop"',
      'exemptions.0.rule: "second-rul" is not one of first-rule, second-rule; did you mean second-rule?',
      'exemptions.0.reason: expected something like legacy clients, see TICKET-12, found " "',
      'exemptions.0.expires: expected something like 2027-01-31 or 2027-01-31T12:00:00Z, found "tomorrow"',
      'exemptions.0.namespace: expected something like shop or team-*, found "Shop"',
      'exemptions.0.until: unknown key "until"',
      'exemptions.1.reason: expected a string, found 12; put it in quotes',
      'exemptions.2: rule is missing',
      'exemptions.2.reason: expected a string, found null',
      'constructor: unknown key "constructor"',
    ],
  )
  t.equal(nearest('zzzzzz', ['ceiling']), undefined)
})

t.test('it says which namespaces an entry leaves open', async (t) => {
  const entries = (...namespaces: readonly unknown[]) =>
    validate(schema, { rules: { 'first-rule': { namespaces } }, requireInjection: namespaces }).map(
      ({ path, text }) => `${path.join('.')}: ${text}`,
    )
  t.same(entries({ enforcement: 'deny' }, { names: ['a'], selector: {}, enforcement: 'deny' }, { names: ['a'] }, 7), [
    'rules.first-rule.namespaces.0: either names or selector must be given',
    'rules.first-rule.namespaces.1: names and selector exclude each other',
    'rules.first-rule.namespaces.2: enforcement is missing',
    'rules.first-rule.namespaces.3: expected a map, found 7',
    'requireInjection.0: selector is missing',
    'requireInjection.0.enforcement: unknown key "enforcement"',
    'requireInjection.1.names: unknown key "names"',
    'requireInjection.1.enforcement: unknown key "enforcement"',
    'requireInjection.2: selector is missing',
    'requireInjection.2.names: unknown key "names"',
    'requireInjection.3: expected a string or a map, found 7',
  ])
})

t.test('it refuses what follows the schema and makes no sense', async (t) => {
  const selector = (...matchExpressions: readonly unknown[]) => ({ matchExpressions })
  const result = readConfig(
    {
      rules: {
        'first-rule': {
          namespaces: [
            { names: ['a'], enforcement: 'deny' },
            { selector: selector({ key: 'a', operator: 'In' }), enforcement: 'deny' },
          ],
        },
      },
      exemptions: [
        { rule: 'first-rule', reason: 'x' },
        { rule: 'first-rule', reason: 'x', expires: '2027-02-30' },
      ],
      requireInjection: [
        'a',
        {
          selector: selector(
            { key: 'a', operator: 'NotIn', values: ['b'] },
            { key: 'a', operator: 'Exists', values: ['b'] },
          ),
        },
      ],
    },
    ids,
  )
  t.same(result, {
    errors: [
      {
        path: ['rules', 'first-rule', 'namespaces', 1, 'selector', 'matchExpressions', 0],
        text: 'In needs values',
      },
      { path: ['exemptions', 1, 'expires'], text: 'there is no 2027-02-30' },
      { path: ['requireInjection', 1, 'selector', 'matchExpressions', 1], text: 'Exists takes no values' },
    ],
  })
})

t.test('it lists no long catalogue where a word is wrong', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => `rule-number-${i}`)
  t.same(validate(configSchema(many), { exemptions: [{ rule: 'rule-numbr-7', reason: 'x' }] }), [
    {
      path: ['exemptions', 0, 'rule'],
      text: '"rule-numbr-7" is not one of the 40 known; did you mean rule-number-7?',
    },
  ])
})

t.test('it means what JSON Schema means', async (t) => {
  const accepts = new Ajv({ strict: false }).compile(schema)
  const wrong = fc.constantFrom<unknown>('x', -1, 70000, null, 1.5, {}, [], [1])
  const or = (right: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: wrong })
  const enforcement = or(fc.constantFrom('deny', 'warn', 'audit', 'off'))
  const names = or(fc.array(or(fc.constantFrom('shop', 'team-*', 'Shop')), { maxLength: 2 }))
  const labels = or(fc.dictionary(fc.constantFrom('env', 'team'), or(fc.constant('a')), { maxKeys: 2 }))
  const term = or(
    fc.record({
      key: fc.constant('env'),
      operator: or(fc.constantFrom('Exists', 'DoesNotExist')),
    }),
  )
  const selector = or(
    fc.record({ matchLabels: labels, matchExpressions: or(fc.array(term, { maxLength: 1 })) }, { requiredKeys: [] }),
  )
  const entry = fc.oneof(
    fc.record({ names, enforcement }),
    fc.record({ selector, enforcement }),
    fc.record({ names, selector, enforcement }, { requiredKeys: [] }),
  )
  const rule = or(
    fc.record(
      { enforcement, fix: or(fc.boolean()), namespaces: or(fc.array(entry, { maxLength: 1 })) },
      { requiredKeys: [] },
    ),
  )
  const exemption = fc.record(
    {
      rule: or(fc.constantFrom('first-rule', 'second-rule')),
      reason: or(fc.constantFrom('because', 'x y')),
      namespace: or(fc.constant('shop')),
      name: or(fc.constant('web-*')),
      expires: or(fc.constantFrom('2027-01-31', '2027-01-31T00:00:00Z', '2027-1-31')),
    },
    { requiredKeys: ['rule', 'reason'] },
  )
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
  const protocol = fc.record(
    {
      id: or(fc.constantFrom('acme-bus', 'Acme')),
      class: or(fc.constantFrom('server-first', 'implicit-tls', 'server')),
      evidence: or(fc.constant('low')),
      ports: or(fc.array(or(fc.integer({ min: 0, max: 65536 })), { maxLength: 2 })),
      images: or(fc.array(or(fc.constantFrom('acme-bus*', ' ')), { maxLength: 2 })),
      greetsBeforeTls: or(fc.boolean()),
    },
    { requiredKeys: ['id', 'class'] },
  )
  const file = fc.record(
    {
      ceiling: enforcement,
      suppressDenials: or(fc.boolean()),
      requireInjection: or(fc.array(fc.oneof(fc.constant('shop'), fc.record({ selector })), { maxLength: 1 })),
      exemptions: or(fc.array(or(exemption), { maxLength: 1 })),
      rules: or(fc.dictionary(fc.constantFrom('first-rule', 'first-rule', 'third-rule'), rule, { maxKeys: 1 })),
      protocols: or(fc.array(or(protocol), { maxLength: 1 })),
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
