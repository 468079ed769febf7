import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { chartOf, findFiles } from '../../src/manifests/find-files.ts'

const home = t.testdir({
  'a.yaml': '',
  'b.YML': '',
  'c.json': '',
  'notes.txt': '',
  '.hidden.yaml': '',
  sub: { 'z.yaml': '', 'a.yml': '', deeper: { 'x.yaml': '' } },
  '.git': { 'config.yaml': '' },
  node_modules: { p: { 'p.yaml': '' } },
  'odd [name]': { 'f.yaml': '' },
  chart: { 'Chart.yaml': '', templates: { 'svc.yaml': '', sub: { 'x.yaml': '' } } },
})
const under = (path: string) => join(home, path)
const names = (path: string) => findFiles(path)?.map((found) => found.file.replace(`${home}/`, ''))

t.test('it finds the manifests below a folder, sorted, whatever their case', async (t) => {
  t.same(names(home), [
    '.hidden.yaml',
    'a.yaml',
    'b.YML',
    'c.json',
    'chart/Chart.yaml',
    'chart/templates/sub/x.yaml',
    'chart/templates/svc.yaml',
    'odd [name]/f.yaml',
    'sub/a.yml',
    'sub/deeper/x.yaml',
    'sub/z.yaml',
  ])
  t.same(names(`${under('sub')}//`), ['sub/a.yml', 'sub/deeper/x.yaml', 'sub/z.yaml'])
  t.ok(findFiles(home)?.every((found) => 'named' in found && !found.named))
})

t.test('it takes a file that is named, whatever it is called', async (t) => {
  t.same(findFiles(under('notes.txt')), [{ file: under('notes.txt'), named: true }])
  t.same(names(under('odd [name]')), ['odd [name]/f.yaml'], 'a folder is no glob')
  t.equal(findFiles(under('nothing.yaml')), undefined)
  t.equal(findFiles(under('a.yaml/b.yaml')), undefined)
})

t.test('it expands globs itself', async (t) => {
  t.same(names(under('*.{yaml,json}')), ['a.yaml', 'c.json'])
  t.same(names(under('sub/**/x.yaml')), ['sub/deeper/x.yaml'])
  t.same(names(under('s?b')), ['sub/a.yml', 'sub/deeper/x.yaml', 'sub/z.yaml'])
  t.ok(findFiles(under('*.yaml'))?.every((found) => 'named' in found && !found.named))
  t.equal(findFiles(under('*.nothing')), undefined)
})

t.test('it follows links once and survives those that lead nowhere', async (t) => {
  const folder = t.testdir({ real: { 'a.yaml': '' }, 'b.yaml': '' })
  symlinkSync('..', join(folder, 'real', 'up'))
  symlinkSync('real', join(folder, 'again'))
  symlinkSync('b.yaml', join(folder, 'link.yaml'))
  symlinkSync('gone.yaml', join(folder, 'dangling.yaml'))
  symlinkSync('itself', join(folder, 'itself'))
  symlinkSync('loop.yaml', join(folder, 'loop.yaml'))
  const found = findFiles(folder) ?? []
  const files = found.flatMap((each) => ('named' in each ? [each.file.slice(folder.length + 1)] : []))
  t.same(files, ['again/a.yaml', 'b.yaml', 'link.yaml'])
  const reasons = found.flatMap((each) => ('reason' in each ? [[each.file.slice(folder.length + 1), each.reason]] : []))
  t.match(reasons, [['loop.yaml', /ELOOP/]], 'a manifest that cannot be followed is told, and hides nothing')
  t.match(findFiles(join(folder, 'loop.yaml')), [{ reason: /ELOOP/ }])
})

t.test('it goes as deep as the folders do', async (t) => {
  const folder = t.testdir({})
  const deep = join(folder, ...Array.from({ length: 100 }, () => 'd'))
  mkdirSync(deep, { recursive: true })
  writeFileSync(join(deep, 'a.yaml'), '')
  t.equal(findFiles(folder)?.length, 1)
})

t.test('it knows the templates of a chart', async (t) => {
  t.equal(chartOf(under('chart/templates/svc.yaml')), under('chart'))
  t.equal(chartOf(under('chart/templates/sub/x.yaml')), under('chart'))
  t.equal(chartOf(under('chart/Chart.yaml')), undefined)
  t.equal(chartOf(under('sub/templates/x.yaml')), undefined, 'no chart beside it')
})
