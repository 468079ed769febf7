import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { rules } from '../src/rules/index.ts'
import { version } from '../src/version.ts'

const root = join(import.meta.dirname, '..')

t.test('it lists the rules by id, each once, each a complaint with its sources', async (t) => {
  const ids = rules.map((rule) => rule.id)
  t.same(ids, [...new Set(ids)].toSorted())
  for (const rule of rules) {
    t.match(rule.id, /^[a-z][a-z0-9]*(-[a-z0-9]+)+$/)
    t.ok(rule.sources.length > 0, `${rule.id} has sources`)
    t.ok(Object.keys(rule.messages).length > 0, `${rule.id} has messages`)
    t.ok(rule.summary.endsWith('.') && rule.remediation.endsWith('.'), `${rule.id} speaks in sentences`)
  }
})

t.test('it has the same version everywhere', async (t) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.equal(manifest.version, version)
  t.equal(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).version, version)
  t.match(readFileSync(join(root, 'Dockerfile'), 'utf8'), `org.opencontainers.image.version="${version}"`)
  const chart = readFileSync(join(root, 'charts/meshgate/Chart.yaml'), 'utf8')
  t.equal(/^version: (.*)$/m.exec(chart)?.[1], version)
  t.equal(/^appVersion: "(.*)"$/m.exec(chart)?.[1], version)
})

t.test('it is started in its image as npm start does, by the Node it is tested with', async (t) => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const image = readFileSync(join(root, 'Dockerfile'), 'utf8')
  t.match(image, new RegExp(`^ARG BASE=node:${manifest.devDependencies.node.replaceAll('.', String.raw`\.`)}-`, 'm'))
  const entry: string[] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(image)?.[1] ?? '[]')
  t.same(['node', ...entry.slice(1, -1)], manifest.scripts.start.split(' src/')[0].split(' '))
  t.equal(entry.at(-1), manifest.bin.meshgate)
})

t.test('it has every test that docs/reliability.md names', async (t) => {
  const page = readFileSync(join(root, 'docs/reliability.md'), 'utf8')
  const named = [...page.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+)\)/g)]
  t.ok(named.length > 60)
  for (const [, title = '', file = ''] of named)
    if (!file.includes('/soak/')) t.ok(readFileSync(join(root, file), 'utf8').includes(title), `${file}: ${title}`)
  const rows = [...page.matchAll(/^\| (T\d\d(?:, T\d\d)*) \|/gm)].flatMap(([, ids = '']) => ids.split(', '))
  t.same(
    rows,
    Array.from({ length: 53 }, (_, i) => `T${String(i + 1).padStart(2, '0')}`),
  )
})

t.test('it generates what is committed', async (t) => {
  const run = spawnSync(process.execPath, [join(root, 'scripts/generate.ts'), '--check'], { encoding: 'utf8' })
  t.equal(run.status, 0, run.stderr)
})

// The lint rules are only worth something if they report. Each case is a file that breaks one law, and the word that must appear.
const forbidden: readonly (readonly [file: string, source: string, report: string])[] = [
  ['src/core/bad.ts', "import { readFileSync } from 'node:fs'\nexport const x = readFileSync", 'Law 1'],
  ['src/k8s/bad.ts', "import { parse } from 'yaml'\nexport const x = parse", 'Law 1'],
  ['src/rules/bad.ts', 'export const now = () => Date.now()', 'Law 1'],
  ['src/policy/bad.ts', "export const log = () => console.log('x')", 'no-console'],
  ['src/core/bad.ts', "import { x } from '../linkerd/facts.ts'\nexport const y = x", 'Layering'],
  ['src/linkerd/bad.ts', "import { rules } from '../rules/index.ts'\nexport const y = rules", 'Layering'],
  ['src/admission/bad.ts', "import { x } from '../server/app.ts'\nexport const y = x", 'Layering'],
  ['src/pki/bad.ts', "import fastify from 'fastify'\nexport const x = fastify", 'Law 2'],
  ['src/pki/authority-plan.ts', "import { sign } from 'node:crypto'\nexport const x = sign", 'Law 1'],
  ['src/server/bad.ts', "import forge from 'node-forge'\nexport const x = forge", 'Law 2'],
  ['src/server/bad.ts', "import { Counter } from 'prom-client'\nexport const x = Counter", 'Law 2'],
  ['src/commands/bad.ts', "import { load } from 'js-yaml'\nexport const x = load", 'Law 2'],
  [
    'src/manifests/bad.ts',
    "import { KubeConfig } from '@kubernetes/client-node'\nexport const x = KubeConfig",
    'Law 2',
  ],
  [
    'src/server/bad.ts',
    "import { KubeConfig } from '@kubernetes/client-node/dist/config.js'\nexport const x = KubeConfig",
    'Law 2',
  ],
  ['src/cluster/bad.ts', "import { buildApp } from '../server/app.ts'\nexport const x = buildApp", 'Layering'],
  ['src/cluster/bad.ts', "import { rules } from '../rules/index.ts'\nexport const x = rules", 'Layering'],
  ['src/manifests/bad.ts', 'export default 1', 'no-default-export'],
]
const allowed: readonly (readonly [file: string, source: string])[] = [
  ['src/manifests/good.ts', "import { parse } from 'yaml'\nexport const x = parse"],
  ['src/server/good.ts', "import { fastify } from 'fastify'\nexport const x = fastify"],
  ['src/server/metrics.ts', "import { Counter } from 'prom-client'\nexport const x = Counter"],
  [
    'src/cluster/good.ts',
    "import { KubeConfig } from '@kubernetes/client-node/dist/config.js'\nexport const x = KubeConfig",
  ],
  ['src/pki/good.ts', "import forge from 'node-forge'\nexport const x = forge"],
]

t.test('it reports every import the laws forbid, and no other', async (t) => {
  for (const [file, source, report] of forbidden) {
    const { status, output } = lint(file, source)
    t.not(status, 0, `${file}: ${source.split('\n')[0]}`)
    t.match(output, report)
  }
  for (const [file, source] of allowed) t.equal(lint(file, source).status, 0, `${file}: ${source.split('\n')[0]}`)
})

function lint(file: string, source: string): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-lint-'))
  try {
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), `${source}\n`)
    // The test runner hooks itself into child processes by NODE_OPTIONS, which the linter's own loader does not survive.
    const run = spawnSync('env', ['-u', 'NODE_OPTIONS', join(root, 'node_modules/.bin/oxlint'), 'src'], {
      cwd: folder,
      encoding: 'utf8',
    })
    return { status: run.status, output: run.stdout + run.stderr }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

t.test('it reaches the cluster, and what that loads, by a lazy import only', async (t) => {
  const direct = /^(?:import|export) (?!type )[^;']*?from '(?:\.{1,2}\/)+cluster\//m
  t.match("import { connect } from '../cluster/cluster.ts'", direct)
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const hits = files.filter(
    (file) =>
      file.endsWith('.ts') && !file.startsWith('cluster') && direct.test(readFileSync(join(root, 'src', file), 'utf8')),
  )
  t.same(hits, [])
})

t.test('it keeps facts of Linkerd in one file', async (t) => {
  // Keys and numbers as code; prose may name what it speaks of.
  const fact = /'(?:config\.)?linkerd\.io\/|[=:(,[] ?(?:4143|4190|4191)\b/
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const hits = sources
    .filter((file) => file.endsWith('.ts') && file !== join('linkerd', 'facts.ts'))
    .flatMap((file) =>
      readFileSync(join(root, 'src', file), 'utf8')
        .split('\n')
        .filter((line) => fact.test(line) && !/^\s*(?:\*|\/\/|\/\*)/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    )
  t.same(hits, [])
})
