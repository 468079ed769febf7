import { join } from 'node:path'
import t from 'tap'
import { loadPaths } from '../../src/manifests/load.ts'

const service = (name: string) => `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\n`

const kustomization = (fields: string) =>
  `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [web.yaml]\n${fields}`

const load = async (folder: string, ...more: string[]) => {
  const { resources, notices, failures } = await loadPaths([folder, ...more], {})
  return { names: resources.map(({ name }) => name), notices, failures }
}

t.test('it leaves out the patches of a kustomization, and says what to do', async (t) => {
  const folder = t.testdir({
    'kustomization.yaml': kustomization(
      'patches: [{path: patches/a.yaml}, {patch: "- op: remove"}]\npatchesJson6902: [{path: b.yaml}]\npatchesStrategicMerge:\n  - ./c.yaml\n  - |-\n    kind: d.yaml\n',
    ),
    'web.yaml': service('web'),
    patches: { 'a.yaml': service('a') },
    'b.yaml': service('b'),
    'c.yaml': service('c'),
    'd.yaml': service('d'),
  })
  t.same(await load(folder), {
    names: ['d', 'web'],
    failures: [],
    notices: [
      {
        file: folder,
        text: `is a kustomization that changes objects (patches, patchesStrategicMerge, patchesJson6902): they were judged as they stand, and patches left out; to judge what it builds: kubectl kustomize ${folder} | meshgate check -`,
      },
    ],
  })
  t.same((await load(folder, join(folder, 'b.yaml'))).names, ['b', 'd', 'web'], 'one that was named is judged')
})

t.test('it tells of many kustomizations in one line', async (t) => {
  const folder = t.testdir({
    base: { Kustomization: kustomization(''), 'web.yaml': service('web') },
    dev: { 'kustomization.yml': kustomization('namespace: dev\n') },
    prod: { 'kustomization.yaml': kustomization('namePrefix: prod-\nlabels: []\n') },
  })
  const { notices } = await load(folder)
  t.equal(notices.length, 1)
  t.match(notices[0], { file: join(folder, 'dev'), text: /changes objects \(namespace\), and 1 more: / })
})

t.test('it says nothing of one that only lists what is there', async (t) => {
  const folder = t.testdir({
    'kustomization.yaml': kustomization('patches: []\nnamespace: ""\n'),
    'web.yaml': service('web'),
  })
  t.same(await load(folder), { names: ['web'], failures: [], notices: [] })
})

t.test('it reports one that cannot be read once, as any file', async (t) => {
  const folder = t.testdir({ 'kustomization.yaml': 'patches: [', 'web.yaml': service('web') })
  const { names, notices, failures } = await load(folder)
  t.same([names, notices, failures.length], [['web'], [], 1])
})
