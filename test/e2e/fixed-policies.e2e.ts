import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import { kinds } from '../../src/k8s/kinds.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { type PolicyKind, policyKinds } from '../../src/policy/translate.ts'
import { fixtures, judgeFixture, loadFixture } from '../rules/fixture.ts'
import { apply } from './apply.ts'
import { startCluster } from './cluster.ts'
import { anything, define, definition, served } from './custom-resources.ts'
import { crds, skipWithout } from './kit.ts'

/*
 * The real API server takes every policy that a fix has changed, of each dialect that has fixes, and stores it as the fix says;
 * and what it stores has nothing left to fix. NetworkPolicies it knows itself; of Cilium's it knows what their CRDs say, which
 * MESHGATE_KIT_CRDS has; Calico refuses in a server of its own, so that here its policies are only stored.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')
const needsCrds = crds === undefined ? 'set MESHGATE_KIT_CRDS to a folder with cilium/*.yaml' : false

interface Fixed {
  readonly name: string
  readonly kind: PolicyKind
  readonly subject: Resource
  readonly object: Wire
  /** How many fixes the rule still has for the fixture when this object is what the server stores. */
  readonly fixesLeft: (stored: unknown) => number
}

interface Wire {
  readonly spec?: object
  readonly specs?: object
}

/** Every policy of the fixtures that some fix of its rule changes, with all of them applied. */
function fixedPolicies(): Fixed[] {
  return fixtures()
    .filter(({ rule }) => rule.startsWith('network-policy-'))
    .flatMap((fixture) => {
      const loaded = loadFixture(fixture)
      const bySubject = Map.groupBy(judgeFixture(fixture, loaded), ({ subject }) => subject)
      return [...bySubject].flatMap(([subject, findings]): Fixed[] => {
        const edits = findings.flatMap(({ fix }) => fix?.edits ?? [])
        const kind = policyKinds.find((one) => one === subject.kind)
        if (edits.length === 0 || kind === undefined || /\$\{/.test(JSON.stringify(subject.wire))) return []
        return [
          {
            name: `${fixture.file} ${subject.name}`,
            kind,
            subject,
            object: applyEdits(subject.wire, edits) as Wire,
            fixesLeft(stored) {
              const read = readResource(stored, subject.namespace)
              if (read.as !== 'resource') throw new Error(read.as)
              const resources = loaded.resources.map((one) => (one === subject ? read.resource : one))
              return judgeFixture(fixture, { ...loaded, resources }).filter(
                (one) => one.subject === read.resource && one.fix,
              ).length
            },
          },
        ]
      })
    })
}

t.test('fixed policies and a real API server', { skip, timeout: 600_000 }, async (t) => {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  const fixed = fixedPolicies()
  await define(cluster, [kinds.CiliumNetworkPolicy, kinds.CiliumClusterwideNetworkPolicy])
  const calico = [kinds.CalicoNetworkPolicy, kinds.CalicoGlobalNetworkPolicy]
  const schema = { type: 'object', properties: { spec: anything } }
  await apply(cluster, ...calico.map((kind) => definition(kind, { versions: ['v3'], schema })))
  await served(cluster, calico)
  for (const name of new Set(fixed.map(({ subject }) => subject.namespace)))
    if (name !== '') await apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

  const dialects = [
    ['NetworkPolicy', 15, false],
    ['CiliumNetworkPolicy', 5, needsCrds],
    ['CiliumClusterwideNetworkPolicy', 2, needsCrds],
    ['CalicoNetworkPolicy', 2, false],
    ['CalicoGlobalNetworkPolicy', 1, false],
  ] as const
  t.strictSame(
    new Set(fixed.map(({ kind }) => kind)),
    new Set(dialects.map(([kind]) => kind)),
    'these are the dialects that have fixes',
  )
  for (const [kind, least, skip] of dialects)
    t.test(`it accepts each ${kind}, and nothing is left to fix`, { skip }, async (t) => {
      const some = fixed.filter((one) => one.kind === kind)
      t.ok(some.length >= least, `${some.length} are fixed`)
      for (const { name, object, fixesLeft } of some) {
        const { status, stdout, stderr } = await cluster.kubectl(
          ['create', '--validate=strict', '--dry-run=server', '--output=json', '--filename=-'],
          JSON.stringify(object),
        )
        t.equal(status, 0, `${name}: ${stderr}`)
        if (status !== 0) continue
        const stored = JSON.parse(stdout)
        for (const member of ['spec', 'specs'] as const)
          if (object[member] !== undefined)
            t.match(stored[member], object[member], `${name}: it is stored as it is written`)
        t.equal(fixesLeft(stored), 0, `${name}: nothing is left to fix`)
      }
    })
})
