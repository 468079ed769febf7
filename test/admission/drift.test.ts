import t from 'tap'
import { choicesIn, createChoiceMemory } from '../../src/admission/choices.ts'
import { configurationDrift } from '../../src/admission/drift.ts'
import { ownBundles, ownTrust } from '../../src/admission/own-configurations.ts'
import { type Edited, installed, own, registration, storeWith } from './own.ts'

const driftOf = (...objects: readonly object[]) =>
  configurationDrift(storeWith(...objects).snapshot, own, registration).map(
    ({ configuration, reason }) => `${configuration} ${reason}`,
  )

t.test('it finds nothing where everything is as installed, in any namespace', async (t) => {
  const { validating, mutating } = installed()
  t.same(driftOf(validating, mutating), [])
})

t.test('it lets an installation choose what it may', async (t) => {
  const { validating, mutating } = installed()
  const [policy, workload] = validating.webhooks
  policy.failurePolicy = 'Ignore'
  policy.timeoutSeconds = 10
  workload.failurePolicy = 'Fail'
  for (const { namespaceSelector, matchConditions } of [policy, workload]) {
    namespaceSelector.matchExpressions[0].values.push('legacy')
    const inScope = matchConditions.find((one: Edited) => one.name === 'in-scope')
    inScope.expression = inScope.expression.replace("'guard'", "'guard', 'legacy'")
  }
  t.same(driftOf(validating, mutating), [])
})

const edits: readonly (readonly [
  what: string,
  edit: (entry: Edited, all: Edited) => void,
  reasons: readonly string[],
])[] = [
  ['renamed', (entry) => (entry.name = 'x.meshgate.dev'), ['entry-missing', 'entry-unknown']],
  ['removed', (_, all) => all.webhooks.shift(), ['entry-missing']],
  ['added', (entry, all) => all.webhooks.push({ ...entry, name: 'more.example.dev' }), ['entry-unknown']],
  ['all removed', (_, all) => (all.webhooks = []), registration.validating.map(() => 'entry-missing')],
  ['no caBundle', (entry) => Object.assign(entry.clientConfig, { caBundle: null }), ['ca-bundle']],
  ['an empty caBundle', (entry) => (entry.clientConfig.caBundle = ''), ['ca-bundle']],
  ['a blank caBundle', (entry) => (entry.clientConfig.caBundle = 'Cg=='), ['ca-bundle']],
  ['another Service', (entry) => (entry.clientConfig.service.name = 'other'), ['service']],
  ['another namespace', (entry) => (entry.clientConfig.service.namespace = 'meshgate'), ['service']],
  ['another path', (entry) => (entry.clientConfig.service.path = '/mutate'), ['service']],
  [
    'a URL',
    (entry) => (entry.clientConfig = { url: 'https://example.dev', caBundle: entry.clientConfig.caBundle }),
    ['service'],
  ],
  ['fewer operations', (entry) => (entry.rules[0].operations = ['CREATE']), ['rules-narrowed']],
  ['more operations', (entry) => entry.rules[0].operations.push('DELETE'), ['rules-widened']],
  ['one version only', (entry) => (entry.rules[0].apiVersions = ['v1']), ['rules-widened', 'rules-narrowed']],
  [
    'everything',
    (entry) =>
      (entry.rules = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'], scope: '*' }]),
    ['rules-widened', 'rules-narrowed'],
  ],
  ['no rules', (entry) => (entry.rules = []), ['rules-narrowed']],
  ['every namespace', (entry) => (entry.namespaceSelector = {}), ['namespace-selector-widened']],
  [
    'no namespaceSelector',
    (entry) => Object.assign(entry, { namespaceSelector: null }),
    ['namespace-selector-widened'],
  ],
  [
    'kube-system let in',
    ({
      namespaceSelector: {
        matchExpressions: [term],
      },
    }) => (term.values = term.values.filter((name: string) => name !== 'kube-system')),
    ['namespace-selector-widened'],
  ],
  [
    'its own namespace let in',
    ({
      namespaceSelector: {
        matchExpressions: [term],
      },
    }) => (term.values = term.values.filter((name: string) => name !== 'guard')),
    ['namespace-selector-widened'],
  ],
  [
    'only some namespaces',
    (entry) => (entry.namespaceSelector.matchLabels = { team: 'a' }),
    ['namespace-selector-narrowed'],
  ],
  [
    'only namespaces without a label',
    (entry) => entry.namespaceSelector.matchExpressions.push({ key: 'skip', operator: 'DoesNotExist' }),
    ['namespace-selector-narrowed'],
  ],
  ['only some objects', (entry) => (entry.objectSelector = { matchLabels: { a: 'b' } }), ['object-selector']],
  ['no conditions', (entry) => (entry.matchConditions = []), ['match-conditions']],
  [
    'one more condition',
    (entry) => entry.matchConditions.push({ name: 'never', expression: 'false' }),
    ['match-conditions'],
  ],
  ['another condition', (entry) => (entry.matchConditions[0].expression = 'true'), ['match-conditions']],
  [
    'a condition that lets kube-system in',
    ({ matchConditions }) =>
      (matchConditions[1].expression = matchConditions[1].expression.replace("'kube-system'", "'kube-systems'")),
    ['match-conditions'],
  ],
  ['exact versions', (entry) => (entry.matchPolicy = 'Exact'), ['match-policy']],
]

t.test('it has a reason for everything that an installation may not choose', async (t) => {
  for (const [what, edit, reasons] of edits) {
    const { validating, mutating } = installed()
    edit(validating.webhooks[0], validating)
    t.same(
      driftOf(validating, mutating),
      reasons.map((reason) => `meshgate ${reason}`),
      what,
    )
  }
})

t.test('it has a reason for an edited canary, and for the mutating configuration', async (t) => {
  const first = installed()
  const canary = first.validating.webhooks.at(-1)
  canary.objectSelector = {}
  canary.namespaceSelector = {}
  t.same(driftOf(first.validating, first.mutating), ['meshgate namespace-selector-widened', 'meshgate object-selector'])
  const second = installed()
  second.validating.webhooks.at(-1).namespaceSelector.matchExpressions[0].values = ['meshgate']
  second.mutating.webhooks[0].clientConfig.service.path = '/validate'
  t.same(driftOf(second.validating, second.mutating), ['meshgate namespace-selector-narrowed', 'a-meshgate service'])
})

t.test('it misses a configuration that is gone, and says nothing of what it does not know', async (t) => {
  const { validating } = installed()
  t.same(driftOf(validating), ['a-meshgate missing'])
  t.same(driftOf(), ['meshgate missing', 'a-meshgate missing'])
  const store = storeWith(validating)
  store.mark('MutatingWebhookConfiguration', { as: 'unsynced', why: 'forbidden' })
  t.same(configurationDrift(store.snapshot, own, registration), [])
  store.mark('ValidatingWebhookConfiguration', { as: 'unsynced', why: 'forbidden' })
  t.same(ownTrust(store.snapshot, own), [])
})

t.test('it tells for an hour of a choice that somebody changed, then takes it for the usual one', async (t) => {
  const minute = 60_000
  const memory = createChoiceMemory()
  const at = (ms: number, edit: (entry: Edited) => void = () => undefined) => {
    const { validating, mutating } = installed()
    edit(validating.webhooks[0])
    const choices = choicesIn(storeWith(validating, mutating).snapshot, own, registration)
    return memory.changes(choices, ms).map(({ reason, text }) => `${reason}: ${text}`)
  }
  const flipped = (entry: Edited) => (entry.failurePolicy = 'Ignore')
  const said = 'failure-policy: policy.validate.meshgate.dev: failure-policy was Fail and is Ignore now'
  t.same(at(0), [], 'what is seen first is the installation')
  t.same(at(minute, flipped), [said])
  t.same(at(2 * minute), [], 'it is mended')
  t.same(at(3 * minute, flipped), [said])
  t.same(at(62 * minute, flipped), [said])
  t.same(at(63 * minute, flipped), [])
  t.same(
    at(64 * minute, (entry) => {
      flipped(entry)
      entry.namespaceSelector.matchExpressions[0].values.push('prod')
    }),
    ['namespace-selector: policy.validate.meshgate.dev: namespace-selector was as usual and is prod now'],
  )
})

t.test('it says which choices are unusual', async (t) => {
  const { validating, mutating } = installed()
  validating.webhooks[0].failurePolicy = 'Ignore'
  mutating.webhooks[0].namespaceSelector.matchExpressions[0].values.push('prod')
  const unusual = choicesIn(storeWith(validating, mutating).snapshot, own, registration).flatMap(
    ({ unusual }) => unusual ?? [],
  )
  t.same(unusual, ['failurePolicy is Ignore, not Fail', 'it leaves out prod as well'])
})

t.test('it knows by what it is verified, entry by entry', async (t) => {
  const { validating, mutating } = installed()
  const [first, second, third] = validating.webhooks
  first.clientConfig.caBundle = Buffer.from('another').toString('base64')
  Object.assign(second.clientConfig, { caBundle: null })
  third.clientConfig.service.name = 'other'
  const { snapshot } = storeWith(validating, mutating)
  t.same(ownTrust(snapshot, own), [
    { configuration: 'meshgate', bundle: 'another' },
    { configuration: 'meshgate', bundle: undefined },
    { configuration: 'meshgate', bundle: 'a bundle' },
    { configuration: 'a-meshgate', bundle: 'a bundle' },
  ])
  t.same(ownBundles(snapshot, own), ['another', 'a bundle'])
})
