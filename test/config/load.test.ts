import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { defaultConfig } from '../../src/config/config.ts'
import { findConfig, loadConfig, parseConfig } from '../../src/config/load.ts'
import { rules } from '../../src/rules/index.ts'

const ids = ['first-rule', 'second-rule']

t.test('it names file, line, column and the nearest word of every mistake', async (t) => {
  const text = `# comment
ceiling: deny
rules:
  first-rul: {enforcement: deny}
  second-rule:
    namespaces:
      - names: [shop]
        selektor: {}
exemptions:
  - rule: second-rul
    reason: x
  - rule: first-rule
    reason: x
    expires: 2027-02-31T
`
  t.throws(() => parseConfig('conf/m.yaml', text, ids), {
    name: 'UsageError',
    message: [
      'conf/m.yaml:4:14: rules.first-rul: unknown key "first-rul"; did you mean first-rule?',
      'conf/m.yaml:7:9: rules.second-rule.namespaces[0]: enforcement is missing',
      'conf/m.yaml:8:19: rules.second-rule.namespaces[0].selektor: unknown key "selektor"; did you mean selector?',
      'conf/m.yaml:10:11: exemptions[0].rule: "second-rul" is not one of first-rule, second-rule; did you mean second-rule?',
      'conf/m.yaml:14:14: exemptions[1].expires: expected something like 2027-01-31 or 2027-01-31T12:00:00Z, found "2027-02-31T"',
    ].join('\n'),
  })
  t.throws(() => parseConfig('m.yaml', 'exemptions: [{rule: first-rule, reason: x, expires: 2027-02-31}]', ids), {
    message: 'm.yaml:1:53: exemptions[0].expires: there is no 2027-02-31',
  })
})

t.test('it places what is wrong with protocols of one’s own', async (t) => {
  const text = `protocols:
  - id: acme-bus
    class: server-frist
    ports: [7001, 70000]
  - id: nats
    class: client-first
    ports: [4222]
    numberAlone: [4222, 4223]
  - id: acme-bus
    class: server-first
    images: [acme-bus]
  - class: server-first
`
  t.throws(() => parseConfig('m.yaml', text, ids), {
    message: [
      'm.yaml:3:12: protocols[0].class: "server-frist" is not one of server-first, both-first, long-lived, client-first, implicit-tls; did you mean server-first?',
      'm.yaml:4:19: protocols[0].ports[1]: expected an integer from 1 to 65535, found 70000',
      'm.yaml:12:5: protocols[3]: id is missing',
    ].join('\n'),
  })
  const spelled = text
    .replace('frist', 'first')
    .replace(', 70000', '')
    .replace(/ {2}- class: server-first\n$/, '')
  t.throws(() => parseConfig('m.yaml', spelled, ids), {
    message: [
      'm.yaml:2:5: protocols[0]: nothing would be recognised: give images with ports or portNames, or numberAlone, or two other signs',
      'm.yaml:5:9: protocols[1].id: there is a protocol nats already',
      'm.yaml:8:25: protocols[1].numberAlone[1]: 4223 is not among its ports',
      'm.yaml:9:9: protocols[2].id: there is a protocol acme-bus already',
      'm.yaml:9:5: protocols[2]: nothing would be recognised: give images with ports or portNames, or numberAlone, or two other signs',
    ].join('\n'),
  })
})

t.test('it reads words that YAML 1.1 takes for something else', async (t) => {
  const config = parseConfig(
    'm.yaml',
    `ceiling: off
rules:
  first-rule: {enforcement: off, namespaces: [{names: [a], enforcement: "off"}, {names: [b], enforcement: off}]}
exemptions: [{rule: first-rule, reason: x, expires: 2027-01-31}]
`,
    ids,
  )
  t.match(config.enforcement, {
    ceiling: 'off',
    exemptions: [{ expires: { text: '2027-01-31' } }],
  })
  t.match(config.enforcement.rules.get('first-rule'), {
    enforcement: 'off',
    namespaces: [{ enforcement: 'off' }, { enforcement: 'off' }],
  })
})

t.test('it reads the examples', async (t) => {
  const examples = join(import.meta.dirname, '../../examples')
  const all = rules.map((rule) => rule.id)
  const { enforcement, linkerd } = loadConfig(join(examples, 'rollout.yaml'), examples, all)
  t.equal(enforcement.rules.get('network-policy-omits-proxy-port')?.namespaces?.length, 2)
  t.match(enforcement.exemptions, [{ owner: 'team-billing', expires: { text: '2027-01-31' } }])
  t.equal(linkerd.requireInjection.length, 2)
  t.equal(loadConfig(join(examples, 'meshgate.yaml'), examples, all).enforcement.ceiling, 'deny')
})

t.test('it looks upwards, as far as the repository', async (t) => {
  const root = t.testdir({ outside: { '.git': { HEAD: 'x' }, a: { b: {} } } })
  const home = join(root, 'outside')
  const deep = join(home, 'a/b')
  writeFileSync(join(root, '.meshgate.yaml'), 'ceiling: off')
  t.equal(findConfig(undefined, deep), undefined, 'what lies above the repository is not ours')
  t.equal(loadConfig(undefined, deep, ids), defaultConfig)
  writeFileSync(join(home, 'meshgate.yaml'), 'ceiling: warn')
  t.same(findConfig(undefined, deep), { file: join(home, 'meshgate.yaml'), text: 'ceiling: warn' })
  writeFileSync(join(home, 'a/.meshgate.yml'), 'ceiling: audit')
  t.equal(loadConfig(undefined, deep, ids).enforcement.ceiling, 'audit')
  mkdirSync(join(deep, 'c'))
  t.equal(loadConfig(join(home, 'meshgate.yaml'), join(deep, 'c'), ids).enforcement.ceiling, 'warn', 'a name wins')
  t.throws(() => loadConfig(join(home, 'none.yaml'), home, ids), {
    message: /^cannot read the configuration .*none\.yaml/,
  })
})
