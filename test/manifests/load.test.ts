import { join } from 'node:path'
import t from 'tap'
import { describe } from '../../src/k8s/resource.ts'
import { loadPaths, loadText } from '../../src/manifests/load.ts'
import type { Loaded } from '../../src/manifests/loading.ts'

const service = (name: string) => `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n`
const json = (name: string) => `{"apiVersion":"v1","kind":"Service","metadata":{"name":"${name}"}}`

const names = (loaded: Loaded) => loaded.resources.map(describe)
const failures = (loaded: Loaded) =>
  loaded.failures.map(({ file, line, column, text }) => `${file}:${line}:${column} ${text}`)

t.test('it reads lists, lists of lists and lists that say the kind once', async (t) => {
  const text = `apiVersion: v1
kind: List
items:
- ${json('a')}
- apiVersion: v1
  kind: List
  items:
  - ${json('b')}
- null
- apiVersion: v1
  kind: ServiceList
  items:
  - metadata: {name: c}
  - ${json('d')}
`
  const loaded = loadText('l.yaml', text)
  t.same(names(loaded), ['Service default/a', 'Service default/b', 'Service default/c', 'Service default/d'])
  t.same(failures(loaded), [])
  t.same(
    [...loaded.sources.values()].map(({ prefix }) => prefix.join('.')),
    ['items.0', 'items.1.items.0', 'items.3.items.0', 'items.3.items.1'],
  )
  const [, , c] = loaded.resources
  const source = c && loaded.sources.get(c)
  t.match(source?.document.place([...source.prefix, 'metadata', 'name']), { line: 13, column: 22, endColumn: 23 })
})

t.test('it finds the place of each of thousands of items of one list', async (t) => {
  const items = Array.from({ length: 5000 }, (_, i) => `- ${json(`service-number-${i}`)}\n`)
  const loaded = loadText('l.yaml', `apiVersion: v1\nkind: List\nitems:\n${items.join('')}`)
  const lines = loaded.resources.map((resource) => {
    const source = loaded.sources.get(resource)
    return source?.document.place([...source.prefix, 'metadata', 'name']).line
  })
  t.same(
    lines,
    items.map((_, i) => i + 4),
  )
})

t.test('it says which item of a list is none', async (t) => {
  const list = (items: string) => loadText('l.yaml', `apiVersion: v1\nkind: List\nitems:${items}`)
  t.match(failures(list(`\n- 5\n- ${json('b')}\n`)), [/^l.yaml:4:3 List: items\[0\]: is no Kubernetes object/])
  t.same(names(list(`\n- 5\n- ${json('b')}\n`)), ['Service default/b'])
  t.match(failures(list(' 5\n')), [/^l.yaml:3:8 List: items: expected a list/])
  for (const empty of [' []\n', '\n', ' ~\n']) {
    t.same(failures(list(empty)), [], 'kubectl get writes such a list when there is nothing')
    t.equal(list(empty).objects, 1)
  }
  t.match(loadText('l.yaml', 'apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: x}\n'), {
    objects: 1,
    failures: [],
  })
})

t.test('it fails a list whose items stand twice: the first ones are not applied', async (t) => {
  const list = (indent: string) =>
    `apiVersion: v1\n${indent}kind: ServiceList\n${indent}items:\n${indent}- ${json('a')}\n${indent}items:\n${indent}- ${json('b')}\n`
  const why = 'ServiceList: items: written several times, and only these count; make one list'
  const alone = loadText('l.yaml', list(''))
  t.same(names(alone), ['Service default/b'])
  t.same(failures(alone), [`l.yaml:6:1 ${why}`])
  const inside = loadText('l.yaml', `apiVersion: v1\nkind: List\nitems:\n- ${list('  ')}`)
  t.same(names(inside), ['Service default/b'])
  t.same(failures(inside), [`l.yaml:9:3 ${why}`])
})

t.test('it counts what no rule speaks about and passes over local configuration', async (t) => {
  const text = `${service('a')}---\napiVersion: v1\nkind: Lease\nmetadata: {name: c}\n---\n${service('b')}  annotations: {config.kubernetes.io/local-config: "true"}\n`
  const loaded = loadText('f.yaml', text)
  t.same(names(loaded), ['Service default/a'])
  t.equal(loaded.objects, 3)
  t.same(failures(loaded), [])
})

t.test('it says where an object cannot be decoded, and in which words it was meant', async (t) => {
  const loaded = loadText(
    'f.yaml',
    `${service('a')}  annotations:\n    config.linkerd.io/opaque-ports: 4222\n    linkerd.io/inject: on\n---\n${service('b')}`,
  )
  t.same(names(loaded), ['Service default/b'])
  t.match(failures(loaded), [
    /^f.yaml:6:37 Service default\/a: metadata.annotations\["config.linkerd.io\/opaque-ports"\]: expected a string, found the number 4222; put it in quotes$/,
  ])
  const item = loadText(
    'l.yaml',
    `apiVersion: v1\nkind: List\nitems:\n- ${json('a')}\n- {apiVersion: v1, kind: Service, metadata: {name: b, labels: [x]}}\n`,
  )
  t.match(failures(item), [/^l.yaml:5:63 Service default\/b: metadata.labels: expected a map, found a list$/])
})

t.test('it takes what is still to be substituted for unknown, never for wrong', async (t) => {
  const loaded = loadText(
    'f.yaml',
    `${service('a')}spec:\n  ports:\n    - port: \${PORT}\n      targetPort: \${TARGET:=8080}\n---\n${service('b')}  labels: \${LABELS}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  template: \${TEMPLATE}\n`,
  )
  t.same(failures(loaded), [])
  t.same(names(loaded), ['Service default/a'])
  t.same(
    loaded.notices.map(({ text }) => text),
    [
      'Service default/b: metadata.labels: ${LABELS} is not substituted yet; not judged',
      'Deployment default/d: spec.template: ${TEMPLATE} is not substituted yet; not judged',
    ],
  )
  t.equal(loaded.objects, 3)
})

t.test(
  'it names what is no Kubernetes object in a file that was named, and passes it over below a folder',
  async (t) => {
    const folder = t.testdir({
      'values.yaml': 'replicas: 1\n',
      'mixed.yaml': `name: ci\n---\n${service('a')}`,
      'empty.yaml': '# nothing\n',
      'list.json': '[1]',
    })
    const below = await loadPaths([folder], {})
    t.same(failures(below), [])
    t.same(names(below), ['Service default/a'])
    t.equal(below.files, 4)
    const named = async (file: string) =>
      failures(await loadPaths([join(folder, file)], {})).map((text) => text.slice(folder.length + 1))
    t.match(await named('values.yaml'), [/^values.yaml:1:1 is no Kubernetes object \(one has apiVersion and kind\)$/])
    t.match(await named('mixed.yaml'), [/^mixed.yaml:1:1 is no Kubernetes object/])
    t.match(await named('empty.yaml'), [/^empty.yaml:1:1 holds no Kubernetes object/])
    t.match(await named('list.json'), [/^list.json:1:1 is no Kubernetes object/])
    t.match(loadText('h.yaml', 'apiVersion: v1\nmetadata: {name: x}\n').failures, [{ text: /is no Kubernetes object/ }])
  },
)

t.test('it reads each file once, by whatever name, and hears of its faults if one of them was given', async (t) => {
  const folder = t.testdir({ 'a.yaml': service('a'), 'ci.yaml': 'name: ci\n' })
  const twice = [folder, join(folder, 'a.yaml'), `${folder}/./a.yaml`, join(folder, '*.yaml')]
  const loaded = await loadPaths(twice, {})
  t.same(names(loaded), ['Service default/a'])
  t.equal(loaded.files, 2)
  t.same(loaded.failures, [])
  t.equal((await loadPaths([folder, join(folder, 'ci.yaml')], {})).failures.length, 1)
})

t.test('it goes on after a file it cannot read', async (t) => {
  const folder = t.testdir({
    'a.yaml': service('a'),
    'broken.yaml': `a: [\n---\n${service('b')}`,
    'latin.yaml': Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]),
    'utf16.yaml': Buffer.from(`\uFEFF${service('x')}`, 'utf16le'),
    'binary.yaml': Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 251)),
    'nul.yaml': 'a: "\u0000"\n',
    'link.yaml': t.fixture('symlink', 'link.yaml'),
  })
  const gone = join(folder, 'gone.yaml')
  const loaded = await loadPaths([folder, gone], {})
  t.same(names(loaded), ['Service default/a', 'Service default/b'])
  const told = failures(loaded).map((text) => text.slice(folder.length + 1))
  t.match(told.toSorted(), [
    /^binary.yaml:1:1 is not UTF-8 text; save it as UTF-8$/,
    /^broken.yaml:2:1 not YAML: /,
    /^gone.yaml:1:1 there is no such file or folder; check the path$/,
    /^latin.yaml:1:1 is not UTF-8/,
    /^link.yaml:1:1 cannot be read: ELOOP/,
    /^nul.yaml:1:\d+ not YAML: null byte/,
    /^utf16.yaml:1:1 is not UTF-8/,
  ])
})

t.test('it explains a Helm template, once per chart', async (t) => {
  const template = `apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ include "x" . }}\n{{- if .Values.a }}\n  labels: {}\n{{- end }}\n`
  const folder = t.testdir({
    chart: {
      'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
      templates: { 'a.yaml': template, 'b.yaml': `a: {{ .Values.a }}\n`, 'c.yaml': service('c') },
    },
    'stray.yaml': template,
    // YAML with braces that no Helm made.
    'rules.yaml': `${service('r')}  annotations: {summary: "{{ $labels.pod }} is down"}\n`,
    'broken.yaml': `a: "{{value}}\n`,
  })
  const below = await loadPaths([folder], {})
  t.same(names(below), ['Service default/c', 'Service default/r'])
  t.match(failures(below), [/broken.yaml:\d+:\d+ not YAML: /])
  t.match(below.notices, [
    { file: join(folder, 'chart/templates/a.yaml'), text: `helm template ${join(folder, 'chart')} | meshgate check -` },
    { file: join(folder, 'stray.yaml'), text: 'helm template CHART' },
  ])
  const named = await loadPaths([join(folder, 'chart/templates/b.yaml')], {})
  t.match(named.failures, [{ line: 1, text: /is a Helm template, not a manifest; render it: helm template / }])
})

t.test('it leaves SOPS files alone', async (t) => {
  const loaded = loadText(
    's.yaml',
    `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  a: ENC[x]\nsops: {version: 3}\n`,
  )
  t.match(loaded, { failures: [], resources: [], notices: [{ text: 'is encrypted with SOPS and was not judged' }] })
})

t.test('it reads standard input once', async (t) => {
  let asked = 0
  const stdin = async () => {
    asked++
    return Buffer.from(`\uFEFF${service('a')}---\r\n${json('b')}`)
  }
  const loaded = await loadPaths(['-', '-'], { stdin })
  t.same(names(loaded), ['Service default/a', 'Service default/b'])
  t.equal(asked, 1)
  t.match(loadText('<stdin>', '').failures, [{ file: '<stdin>', line: 1, text: /holds no Kubernetes object/ }])
  t.match((await loadPaths(['-'], { stdin: async () => Buffer.from([0xff]) })).failures, [{ text: /UTF-8/ }])
})

t.test('it reads no more than it can judge', async (t) => {
  const most = 10 * 1024 * 1024
  const folder = t.testdir({
    'more.yaml': Buffer.alloc(most + 1, '#'),
    'most.yaml': Buffer.from(`${service('a')}#${'x'.repeat(most - 60)}`),
  })
  const loaded = await loadPaths([folder], {})
  t.same(names(loaded), ['Service default/a'])
  t.match(failures(loaded), [
    /more.yaml:1:1 10485761 bytes are more than the 10485760 that are read of one file; split it$/,
  ])
  const stdin = async () => Buffer.alloc(most + 1, '#')
  t.match((await loadPaths(['-'], { stdin })).failures, [{ file: '<stdin>', text: /10485761 bytes/ }])
  const documents = loadText('many.yaml', `${service('a')}---\n`.repeat(10_001))
  t.match(documents.failures, [{ file: 'many.yaml', line: 1, text: /more than the 10000 documents/ }])
  t.equal(loadText('many.yaml', `${service('a')}---\n`.repeat(10_000)).resources.length, 10_000)
})

t.test('it does not hang on lists that hold each other', async (t) => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `x${i}: &x${i} {apiVersion: v1, kind: List, items: [${i === 0 ? json('q') : `*x${i - 1},`.repeat(9)}]}`,
  )
  const loaded = loadText('bomb.yaml', `apiVersion: v1\nkind: List\n${levels.join('\n')}\nitems: [*x11]\n`)
  t.match(failures(loaded), [/^bomb.yaml:1:1 aliases repeat more than/])
})

t.test('it fails what kubectl would refuse of a Kubernetes object, reads it, and lets other files be', async (t) => {
  const object = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\n'
  const failed = (text: string) => {
    const { resources, failures } = loadText('f.yaml', text)
    return [resources.length, ...failures.map((failure) => `${failure.line}:${failure.column} ${failure.text}`)]
  }
  const directive = 'kubectl refuses %YAML directives; remove the line'
  t.same(failed(`%YAML 1.1\n---\n${object}`), [1, `1:1 ${directive}`])
  t.same(failed(`%YAML 1.1\n---\n---\n${object}`), [1, `1:1 ${directive}`], 'kubectl reads no further')
  t.same(failed(`${object}---\n%YAML 1.2\n`), [1, `5:1 ${directive}`], 'with nothing behind it')
  t.same(failed(`a: 1\n---\n${object}...\n%YAML 1.2\n---\n${object}`).slice(0, 1), [2])
  t.same(failed(`--- # c\n%TAG ! tag:e,2:\n---\n${object}`), [1])
  const { failures } = loadText('f.yaml', '%YAML 1.2\n---\nsite_name: docs\n')
  t.notMatch(failures, [{ text: /kubectl/ }])
})
