import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { faultsIn } from '../scripts/supply-chain.ts'

const good = { version: '1.0.0', license: 'MIT', integrity: 'sha512-x' }
const locked = (path: string, change: object) => ({ packages: { '': {}, [path]: { ...good, ...change } } })

t.test('it finds no fault with what is shipped', async (t) => {
  const read = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, '..', file), 'utf8'))
  t.same(faultsIn(read('package.json'), read('package-lock.json')), [])
})

t.test('it names every fault of a locked package', async (t) => {
  for (const [path, change, fault] of [
    ['node_modules/a', { license: undefined }, 'a@1.0.0 names no licence'],
    ['node_modules/a', { license: 'AGPL-3.0' }, /^a@1\.0\.0 is under AGPL-3\.0: /],
    ['node_modules/b/node_modules/@s/a', { integrity: undefined }, '@s/a@1.0.0 has no checksum in the lockfile'],
    ['node_modules/a', { hasInstallScript: true }, 'a@1.0.0 runs a script when it is installed'],
    ['node_modules/node-forge', { version: '1.4.2' }, /^node-forge@1\.4\.2 is refused: /],
    ['node_modules/@kubernetes/client-node', { version: '2.0.0' }, /^@kubernetes\/client-node@2\.0\.0 is refused: /],
  ] as const) {
    const faults = faultsIn({}, locked(path, change))
    t.equal(faults.length, 1, faults.join())
    t.match(faults[0], fault)
  }
})

t.test('it lets pass what is in order, or only for development', async (t) => {
  for (const [path, change] of [
    ['node_modules/a', { license: 'Apache-2.0' }],
    ['node_modules/node-forge', { version: '1.10.0' }],
    ['node_modules/@kubernetes/client-node', { version: '2.0.1' }],
    ['node_modules/a', { dev: true, license: 'AGPL-3.0', hasInstallScript: true, integrity: undefined }],
  ] as const)
    t.same(faultsIn({}, locked(path, change)), [])
})

t.test('it wants one version of each, and few of them', async (t) => {
  for (const range of ['^1.0.0', '*', 'latest', '>=1.2.3', '1.x'])
    t.equal(faultsIn({ dependencies: { a: range } }, { packages: {} }).length, 1, range)
  t.same(faultsIn({ dependencies: { a: '1.2.3-beta.1' }, devDependencies: { b: '~7.0.2' } }, { packages: {} }), [])
  const many = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`p${at}`, '1.0.0']))
  t.match(faultsIn({ dependencies: many }, { packages: {} }), [/^16 packages/])
})
