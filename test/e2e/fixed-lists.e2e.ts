import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import type { Finding } from '../../src/core/finding.ts'
import { describe, type Resource, readResource } from '../../src/k8s/resource.ts'
import { fixtures, judgeFixture, loadFixture } from '../rules/fixture.ts'
import { startCluster } from './cluster.ts'
import { skipWithout } from './kit.ts'

/* The real API server takes every object whose port lists a fix has changed, and stores them as the fix says. */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const ids = new Set([
  'http-port-opaque-by-default',
  'opaque-ports-names-target-port',
  'opaque-ports-unreadable',
  'opaque-ports-without-effect',
  'server-speaks-first-port-not-opaque',
  'skip-ports-drop-defaults',
])

interface Fixed {
  readonly name: string
  readonly subject: Resource
  readonly object: Readonly<Record<string, unknown>>
  readonly again: readonly Finding[]
}

/** Each subject with all its fixes, and what the rule would still fix in what became of it. */
function fixedObjects(): Fixed[] {
  return fixtures()
    .filter(({ rule }) => ids.has(rule))
    .flatMap((fixture) => {
      const loaded = loadFixture(fixture)
      const findings = judgeFixture(fixture, loaded).filter(({ fix }) => fix)
      return [...new Set(findings.map(({ subject }) => subject))].map((subject) => {
        const edits = findings.filter((one) => one.subject === subject).flatMap(({ fix }) => fix?.edits ?? [])
        const object = applyEdits(subject.wire, edits) as Fixed['object']
        const read = readResource(object)
        const changed = read.as === 'resource' ? read.resource : subject
        const resources = loaded.resources.map((one) => (one === subject ? changed : one))
        const again = judgeFixture(fixture, { ...loaded, resources }).filter(
          (one) => one.subject === changed && one.fix,
        )
        return { name: `${fixture.rule}/${fixture.name}: ${describe(subject)}`, subject, object, again }
      })
    })
}

t.test('fixed port lists and a real API server', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  const fixed = fixedObjects()

  t.test('it accepts them, and a second fix changes nothing', async (t) => {
    t.ok(fixed.length >= 25, `${fixed.length} objects are fixed`)
    const homes = new Set(fixed.map(({ subject }) => subject.namespace).filter((name) => name !== ''))
    for (const name of homes) {
      if (name !== 'default') t.equal((await cluster.kubectl(['create', 'namespace', name])).status, 0)
      // No controller makes the account that Pods run under.
      t.equal((await cluster.kubectl(['create', 'serviceaccount', 'default', '--namespace', name])).status, 0)
    }
    for (const { name, object, again } of fixed) {
      t.same(again, [], `${name}: nothing is left to fix`)
      const { status, stdout, stderr } = await cluster.kubectl(
        ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--output=json', '--filename=-'],
        JSON.stringify(object),
      )
      t.equal(status, 0, `${name}: ${stderr}`)
      if (status === 0) t.match(annotationsIn(JSON.parse(stdout)), annotationsIn(object), `${name}: stored as written`)
    }
  })
})

/** Annotations of the object and of its Pod template. */
function annotationsIn(object: any): readonly unknown[] {
  const template = object.spec?.jobTemplate?.spec?.template ?? object.spec?.template
  return [object.metadata?.annotations ?? {}, template?.metadata?.annotations ?? {}]
}
