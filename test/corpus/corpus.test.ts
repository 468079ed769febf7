import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { examine } from '../../src/commands/examine.ts'
import { type Config, defaultConfig } from '../../src/config/config.ts'
import { analyse } from '../../src/core/analyse.ts'
import { snapshotOf, withSubject } from '../../src/core/snapshot.ts'
import { shapes } from '../../src/k8s/kinds.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { isPartKept } from '../../src/linkerd/kept-parts.ts'
import { loadPaths } from '../../src/manifests/load.ts'
import { rules } from '../../src/rules/index.ts'

/*
 * Real manifests of public projects. Nothing there was written for meshgate: a crash, a failure without a reason or a
 * finding nobody has read is a bug. `findings*.txt` holds every finding there is, each read and believed; after a change of a
 * rule, `UPDATE=1` rewrites them and the difference is what to read.
 */

const corpus = process.env['MESHGATE_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus')
const skip = existsSync(corpus) ? false : 'set MESHGATE_CORPUS to a folder of manifests'

/** Files that no cluster would take, and why. */
const unreadable: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'unreadable.json'), 'utf8'),
)

const runs: readonly (readonly [file: string, config: Config])[] = [
  ['findings.txt', defaultConfig],
  ['findings-assume-meshed.txt', { ...defaultConfig, linkerd: { ...defaultConfig.linkerd, assume: 'meshed' } }],
]

t.test('it reads the corpus and says what was read and believed', { skip }, async (t) => {
  // Each project is a world of its own: its Namespaces and Pods must not explain those of another.
  const projects = readdirSync(corpus, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const seen = new Set<string>()
  for (const [file, config] of runs) {
    const lines: string[] = []
    for (const { name } of projects) {
      const loaded = await loadPaths([join(corpus, name)], {})
      const { report } = examine(loaded, rules, config, 0)
      const short = (path: string) => path.slice(corpus.length + 1)
      for (const failure of report.failures) {
        seen.add(short(failure.file))
        t.ok(Object.hasOwn(unreadable, short(failure.file)), `${short(failure.file)}:${failure.line}: ${failure.text}`)
      }
      for (const found of report.findings)
        lines.push(
          `${short(found.file)}:${found.line}  ${found.severity}  ${found.rule}  ${found.message}  ${found.text}`,
        )
    }
    const expected = join(import.meta.dirname, file)
    const text = lines.map((line) => `${line}\n`).join('')
    if (process.env['UPDATE'] === '1') writeFileSync(expected, text)
    t.equal(text, readFileSync(expected, 'utf8'), `${file}: ${lines.length} findings, all known`)
  }
  t.same(Object.keys(unreadable).toSorted(), [...seen].toSorted(), 'every file on the list is unreadable')
})

t.test('it finds the same on the little of an object that is compared and remembered', { skip }, async (t) => {
  const projection = { keeps: isPartKept, share: <T>(value: T) => value }
  let found = 0
  for (const { name } of readdirSync(corpus, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    const { resources } = await loadPaths([join(corpus, name)], {})
    const snapshot = snapshotOf(resources, 'input')
    for (const [, { linkerd: settings }] of runs)
      for (const resource of resources) {
        const { kind, apiVersion, namespace, wire } = resource
        const seen = { ...(shapes[kind]?.project(wire, projection) as object), apiVersion, kind: wire['kind'] }
        const little = readResource({ ...seen, status: wire['status'] }, namespace)
        if (little.as !== 'resource') throw new Error(`${kind} ${resource.name}: ${JSON.stringify(little)}`)
        const [whole, rest] = [resource, little.resource].map((subject) =>
          analyse({
            subjects: [subject],
            snapshot: withSubject(snapshot, subject),
            rules,
            settings,
            stage: 'admitted',
          }).findings.map(({ rule, message, text, severity, confidence, path }) =>
            JSON.stringify([rule, message, text, severity, confidence, path]),
          ),
        )
        found += whole?.length ?? 0
        if (JSON.stringify(rest) !== JSON.stringify(whole)) t.same(rest, whole, `${kind} ${namespace}/${resource.name}`)
      }
  }
  t.ok(found > 100, `${found} findings`)
})
