import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import { fixtures, judgeFixture, loadFixture } from '../rules/fixture.ts'
import { startCluster } from './cluster.ts'

/*
 * The real API server takes every NetworkPolicy that a fix has changed, and stores it as the fix says. The other dialects are
 * custom resources, which are stored as they are: nobody here would refuse a wrong one.
 */

const bin = process.env['MESHGATE_KIT_BIN']
const skip = bin === undefined ? 'set MESHGATE_KIT_BIN to a folder with etcd, kube-apiserver and kubectl' : false

t.test('fixed policies and a real API server', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster(bin ?? '')
  t.teardown(() => cluster.stop())

  const fixed = fixtures()
    .filter(({ rule }) => rule === 'network-policy-omits-proxy-port')
    .flatMap((fixture) =>
      judgeFixture(fixture, loadFixture(fixture)).flatMap(({ subject, fix }) =>
        fix && subject.kind === 'NetworkPolicy'
          ? [{ name: `${fixture.name}/${subject.name}`, subject, object: applyEdits(subject.wire, fix.edits) as Wire }]
          : [],
      ),
    )

  t.test('it accepts them', async (t) => {
    t.ok(fixed.length >= 15, `${fixed.length} policies are fixed`)
    for (const name of new Set(fixed.map(({ subject }) => subject.namespace)))
      t.equal((await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(namespaceOf(name)))).status, 0)
    for (const { name, object } of fixed) {
      const { status, stdout, stderr } = await cluster.kubectl(
        ['apply', '--server-side', '--dry-run=server', '--output=json', '--filename=-'],
        JSON.stringify(object),
      )
      t.equal(status, 0, `${name}: ${stderr}`)
      const stored: Wire = status === 0 ? JSON.parse(stdout) : { spec: {} }
      for (const direction of ['ingress', 'egress'] as const)
        t.match(
          stored.spec[direction] ?? [],
          object.spec[direction] ?? [],
          `${name}: ${direction} is stored as it is written`,
        )
    }
  })
})

interface Wire {
  readonly spec: { readonly ingress?: readonly object[]; readonly egress?: readonly object[] }
}

/** Applied, for some are there already. */
function namespaceOf(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}
