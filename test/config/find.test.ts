import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig, parseConfig } from '../../src/config/load.ts'

const ids = ['first-rule']
const ceiling = (folder: string, named?: string) => loadConfig(named, folder, ids).enforcement.ceiling

t.test('it takes the nearest file upwards, and stops at the root of the repository', async (t) => {
  const folder = t.testdir({
    'meshgate.yaml': 'ceiling: audit\n',
    repository: { '.git': {}, '.meshgate.yml': 'ceiling: warn\n', a: { b: {} } },
    worktree: { '.git': 'gitdir: elsewhere\n', a: {} },
  })
  t.equal(ceiling(join(folder, 'repository/a/b')), 'warn')
  writeFileSync(join(folder, 'repository/a/.meshgate.yaml'), 'ceiling: "off"\n')
  t.equal(ceiling(join(folder, 'repository/a/b')), 'off')
  t.equal(ceiling(join(folder, 'worktree/a')), 'deny', 'a worktree is a repository too: the default')
  rmSync(join(folder, 'worktree/.git'))
  t.equal(ceiling(join(folder, 'worktree/a')), 'audit')
  t.equal(
    ceiling(join(folder, 'worktree/a'), join(folder, 'repository/.meshgate.yml')),
    'warn',
    'the file that is named',
  )
})

t.test('it does not take a configuration that cannot be read for none', async (t) => {
  const folder = t.testdir({ '.git': {}, a: {} })
  mkdirSync(join(folder, '.meshgate.yaml'))
  chmodSync(join(folder, '.meshgate.yaml'), 0o755)
  t.throws(() => ceiling(join(folder, 'a')), { name: 'UsageError', message: /cannot read the configuration .*EISDIR/ })
  t.throws(() => ceiling(folder, join(folder, 'gone.yaml')), {
    name: 'UsageError',
    message: /gone.yaml: there is no such/,
  })
})

t.test('it names every mistake with line and column', async (t) => {
  const text = '\uFEFF# mine\r\nceiling: denny\r\nrules:\r\n  first-rul: {}\r\n'
  t.throws(() => parseConfig('c.yaml', text, ids), {
    message:
      'c.yaml:2:10: ceiling: "denny" is not one of deny, warn, audit, off; did you mean deny?\nc.yaml:4:14: rules.first-rul: unknown key "first-rul"; did you mean first-rule?',
  })
  t.throws(() => parseConfig('c.yaml', 'a: [\n', ids), { message: /^c.yaml:2:1: not YAML/ })
  t.throws(() => parseConfig('c.yaml', 'ceiling: warn\n---\nceiling: deny\n', ids), {
    message: /^c.yaml:2:5: there is a second|^c.yaml:3:1: there is a second/,
  })
  t.throws(() => parseConfig('c.yaml', '- a\n', ids), { message: /c.yaml:1:1: expected a map, found a list/ })
  t.equal(parseConfig('c.yaml', '# nothing\n', ids).enforcement.ceiling, 'deny')
})
