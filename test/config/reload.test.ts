import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findConfig, parseConfig } from '../../src/config/load.ts'
import { followConfig } from '../../src/config/reload.ts'

const ids = ['first-rule']

/** A folder as the kubelet mounts a ConfigMap, and its way to put another content there. */
function volume(folder: string, text: string) {
  let generation = 0
  const publish = (content: string | undefined) => {
    const before = generation++
    mkdirSync(join(folder, `..${generation}`))
    if (content !== undefined) writeFileSync(join(folder, `..${generation}`, 'meshgate.yaml'), content)
    symlinkSync(`..${generation}`, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    rmSync(join(folder, `..${before}`), { recursive: true, force: true })
  }
  publish(text)
  symlinkSync('..data/meshgate.yaml', join(folder, 'meshgate.yaml'))
  return { file: join(folder, 'meshgate.yaml'), publish }
}

function follow(file: string) {
  const source = findConfig(file, '/')
  if (source === undefined) throw new Error('there is no file')
  return followConfig(parseConfig(source.file, source.text, ids), source, ids)
}

t.test('it takes over what a ConfigMap brings', async (t) => {
  const { file, publish } = volume(t.testdir(), 'ceiling: audit')
  const live = follow(file)
  t.same(await live.poll(), { result: 'unchanged' })
  publish('ceiling: warn\nrules: {first-rule: {enforcement: deny, fix: true}}\n')
  t.equal(live.current.enforcement.ceiling, 'audit', 'until it looks')
  t.same(await live.poll(), { result: 'success' })
  t.equal(live.current.enforcement.ceiling, 'warn')
  t.same(live.current.fix, new Set(['first-rule']))
  t.same(await live.poll(), { result: 'unchanged' })
  publish('ceiling: warn\nrules: {first-rule: {enforcement: deny, fix: true}}\n')
  t.same(await live.poll(), { result: 'unchanged' }, 'another generation with the same text is no change')
  publish('ceiling: deny')
  t.same(await live.poll(), { result: 'success' }, 'every change is seen, not only the first')
  t.equal(live.current.enforcement.ceiling, 'deny')
})

t.test('it keeps the last good one, and says once what is wrong and where', async (t) => {
  const { file, publish } = volume(t.testdir(), 'ceiling: warn')
  const live = follow(file)
  publish('ceiling: warn\nrules:\n  frist-rule: {enforcement: deny}\n')
  const message = `${file}:3:15: rules.frist-rule: unknown key "frist-rule"; did you mean first-rule?`
  t.same(await live.poll(), { result: 'invalid', message, news: true })
  t.same(await live.poll(), { result: 'invalid', message, news: false })
  t.equal(live.current.enforcement.ceiling, 'warn')
  publish('ceiling: [')
  t.match(await live.poll(), { result: 'invalid', message: `${file}:1:11: not YAML`, news: true })
  t.equal(live.current.enforcement.ceiling, 'warn')
  publish('ceiling: warn')
  t.same(await live.poll(), { result: 'success' }, 'the way back is told of, too')
  t.same(await live.poll(), { result: 'unchanged' })
  publish('rules:\n  frist-rule: {enforcement: deny}\n')
  t.match(await live.poll(), { result: 'invalid', news: true }, 'the next mistake is news again')
})

t.test('it keeps the last good one when the file goes', async (t) => {
  const { file, publish } = volume(t.testdir(), 'ceiling: warn')
  const live = follow(file)
  publish(undefined)
  t.same(await live.poll(), { result: 'missing', message: `${file} is gone`, news: true })
  t.same(await live.poll(), { result: 'missing', message: `${file} is gone`, news: false })
  t.equal(live.current.enforcement.ceiling, 'warn')
  publish('ceiling: audit')
  t.same(await live.poll(), { result: 'success' })
  t.equal(live.current.enforcement.ceiling, 'audit')
  rmSync(file)
  mkdirSync(file)
  t.match(await live.poll(), { result: 'unreadable', message: /^cannot read .*EISDIR/, news: true })
  t.equal(live.current.enforcement.ceiling, 'audit')
})

t.test('it takes a file that is written in place only once it is at rest', async (t) => {
  const file = join(t.testdir({ 'meshgate.yaml': 'ceiling: warn' }), 'meshgate.yaml')
  const live = follow(file)
  writeFileSync(file, 'ceiling: audit\n')
  // The writer goes on after the first read, and before the second, which is due later.
  setTimeout(() => writeFileSync(file, 'ceiling: audit\nrules: {first-rule: {fix: true}}\n'), 50)
  t.same(await live.poll(), { result: 'success' })
  t.same(live.current.fix, new Set(['first-rule']))
})

t.test('it leaves the settings in place that did not change', async (t) => {
  const { file, publish } = volume(t.testdir(), 'linkerd: {minor: 17}\nrequireInjection: [shop]')
  const live = follow(file)
  const { linkerd } = live.current
  publish('ceiling: warn\nlinkerd: {minor: 17}\nrequireInjection: [shop]')
  await live.poll()
  t.equal(live.current.linkerd, linkerd, 'what was derived under them still holds')
  publish('linkerd: {minor: 18}\nrequireInjection: [shop]')
  await live.poll()
  t.equal(live.current.linkerd.minor, 18)
})

t.test('it stays as it is without a file', async (t) => {
  const config = parseConfig('m.yaml', 'ceiling: warn', ids)
  const live = followConfig(config, undefined, ids)
  t.same(await live.poll(), { result: 'unchanged' })
  t.equal(live.current, config)
})
