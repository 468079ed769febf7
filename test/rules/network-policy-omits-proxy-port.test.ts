import fc from 'fast-check'
import t from 'tap'
import { judge, mend } from '../../src/admission/judge.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { analyse } from '../../src/core/analyse.ts'
import { applyEdits } from '../../src/core/apply-edit.ts'
import { autofix } from '../../src/core/autofix.ts'
import type { Finding } from '../../src/core/finding.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { isObject, type Json, type Path } from '../../src/k8s/json.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { fromNetworkPolicy } from '../../src/policy/network-policy.ts'
import { namespaceNameLabel } from '../../src/policy/policy.ts'
import { verdictOn } from '../../src/policy/verdict.ts'
import { networkPolicyOmitsProxyPort as rule } from '../../src/rules/network-policy-omits-proxy-port.ts'
import { namespace, pod, policy } from '../linkerd/world.ts'
import { diceFrom, networkPolicyFrom, type PodOfWorld, type World, worldFrom } from '../oracle/worlds.ts'
import { fixtures, judgeFixture, loadFixture } from './fixture.ts'

const own = fixtures().filter((fixture) => fixture.rule === rule.id)

function findingsOf(name: string): Finding[] {
  const fixture = own.find((one) => one.name === name)
  if (!fixture) throw new Error(`no fixture ${name}`)
  return judgeFixture(fixture, loadFixture(fixture))
}

t.test('it names peer, target and both ports, is as sure as it can be, and fixes what it is sure of', async (t) => {
  // fixture → severity, confidence, what the text says, whether there is a fix. One finding each.
  const pair = (client: string, server: string, port: string | number = 8080, proxyPort = 4143) =>
    `TCP ${proxyPort} is missing beside ${port}: ${client} cannot reach ${server}`
  const table: readonly (readonly [string, Finding['severity'], Finding['confidence'], string, boolean])[] = [
    ['row-01-own-namespace', 'error', 'high', `${pair('pods in namespace a', 'pods in namespace a')}.`, true],
    [
      'row-08-sibling-covers-only-x',
      'error',
      'high',
      pair('pods with app=z in namespace a', 'pods in namespace a'),
      true,
    ],
    [
      'row-10-sibling-for-other-targets',
      'error',
      'high',
      pair('pods in namespace a', 'pods with app other than x in namespace a'),
      true,
    ],
    [
      'row-12-range-without-4143',
      'error',
      'high',
      pair('pods in namespace a', 'pods in namespace a', '8000-9000'),
      true,
    ],
    ['row-18-skipped-and-not', 'error', 'high', pair('pods in namespace a', 'Deployment a/web', 9000), true],
    ['row-35-cilium-own-namespace', 'error', 'high', pair('pods in namespace a', 'pods in namespace a'), true],
    ['row-38-cilium-http-rules', 'error', 'high', pair('pods in namespace a', 'pods in namespace a', 80), false],
    ['row-43-cilium-specs', 'error', 'high', pair('pods in namespace a', 'pods with app=db in namespace a'), true],
    ['cilium-clusterwide-omits', 'error', 'high', pair('Deployment a/caller', 'Deployment b/web'), true],
    ['row-45-calico-order', 'error', 'high', pair('pods in namespace b', 'pods in namespace a'), true],
    [
      'calico-service-accounts',
      'warning',
      'medium',
      'in namespace a (not certain: service accounts decide whom it is about).',
      true,
    ],
    ['row-47-admin-order', 'error', 'high', pair('pods in namespace b', 'pods in namespace a'), false],
    ['row-24-egress-to-b', 'error', 'high', pair('pods in namespace a', 'pods in namespace b'), true],
    ['row-25-egress-web-anywhere', 'info', 'low', pair('pods in namespace a', 'pods in namespace b', 443), false],
    ['egress-web-to-a-meshed-server', 'warning', 'medium', 'TCP 4143 is missing beside 443', true],
    ['row-29-one-item-or-two', 'error', 'high', pair('pods with app=x in namespace a', 'pods in namespace a'), true],
    ['row-30-absent-key', 'error', 'high', pair('pods with no label app in namespace a', 'pods in namespace a'), true],
    ['row-31-other-inbound-port', 'error', 'high', 'TCP 5143 is missing beside 8080', true],
    ['row-32-transparent-mode', 'error', 'high', pair('pods in namespace a', 'pods in namespace a', 6379), true],
    ['row-49-defaulted', 'error', 'high', pair('pods in namespace a', 'pods in namespace a'), true],
    ['unknown-namespaces', 'info', 'low', ', should both exist and be meshed.', false],
    ['assume-meshed', 'error', 'high', pair('pods in namespace elsewhere', 'pods in namespace elsewhere'), true],
    ['sibling-by-variable', 'info', 'low', ', unless what is not known here allows it.', false],
    ['sibling-subject-by-variable', 'info', 'low', ', unless what is not known here allows it.', false],
    ['sibling-by-address', 'warning', 'medium', ', unless the network plugin matches Pods by address.', true],
    ['named-port-all-declare', 'error', 'high', pair('pods in namespace a', 'Deployment a/web', 'http'), true],
    ['named-port-some-declare', 'error', 'high', pair('Deployment a/db', 'Deployment a/web', 'http'), false],
    ['several-replicas-of-one', 'error', 'high', pair('Deployment a/web', 'Deployment a/web'), true],
  ]
  for (const [name, severity, confidence, text, fixable] of table) {
    const [finding, ...others] = findingsOf(name)
    t.same(others, [], `${name}: one finding`)
    t.match(finding, { severity, confidence }, name)
    t.ok(finding?.text.includes(text), `${name}: ${finding?.text}`)
    t.equal(finding?.fix !== undefined, fixable, `${name}: ${fixable ? 'a fix' : 'no fix'}`)
  }
})

t.test('it says what else the fix lets through', async (t) => {
  const title = (name: string) => findingsOf(name)[0]?.fix?.title
  const restrict = ': restrict with a Server and an AuthorizationPolicy'
  t.equal(
    title('row-08-sibling-covers-only-x'),
    `add TCP 4143; it opens every port of pods in namespace a that goes through the proxy to pods with app=z in namespace a${restrict}`,
  )
  t.equal(
    title('several-proxy-ports'),
    `add TCP 4143, 5143; it opens every port of Deployment a/old that goes through the proxy to Deployment a/new, and likewise for others${restrict}`,
  )
})

function worldResources(world: World): Resource[] {
  return [
    ...Object.keys(world.namespaces).map((name) => namespace(name, name === 'c' ? undefined : 'enabled')),
    ...world.endpoints.map(({ id, namespace: home, labels, ports }) =>
      pod(id.slice(2), {
        namespace: home,
        labels,
        spec: {
          containers: [
            { name: 'app', ports: ports.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })) },
          ],
        },
      }),
    ),
    ...world.policies.map((wire) => read(wire)),
  ]
}

function read(wire: unknown): Resource {
  const found = readResource(wire)
  if (found.as !== 'resource') throw new Error(JSON.stringify(found))
  return found.resource
}

function findingsIn(resources: readonly Resource[]): Finding[] {
  const { findings, failures } = analyse({
    subjects: resources,
    snapshot: snapshotOf(resources, 'input'),
    rules: [rule],
    settings: defaultSettings,
    stage: 'declared',
  })
  if (failures[0]) throw failures[0].error
  return findings
}

/** The world with every fix of every policy made. */
function mended(resources: readonly Resource[]): { readonly resources: Resource[]; readonly changed: number } {
  let current = [...resources]
  let changed = 0
  for (const [i, one] of resources.entries()) {
    if (one.kind !== 'NetworkPolicy') continue
    const { object, edits, settled } = autofix(one.wire as object, (wire) => {
      const world = current.with(i, read(wire))
      return findingsIn(world).flatMap(({ subject, fix }) => (subject === world[i] && fix ? [fix] : []))
    })
    if (!settled) throw new Error('it never ends')
    if (edits.some(({ op }) => op !== 'append')) throw new Error('a fix only adds')
    if (edits.length > 0) changed++
    current = current.with(i, read(object))
  }
  return { resources: current, changed }
}

t.test('it fixes what it finds: once, by adding 4143, and only for pairs that had an application’s port', async (t) => {
  const numRuns = 800
  const counts = { policies: 0, opened: 0 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = worldFrom(seed, networkPolicyFrom)
      const before = worldResources(world)
      const after = mended(before)
      counts.policies += after.changed
      if (findingsIn(after.resources).some(({ fix }) => fix)) throw new Error('something is left to fix')
      if (mended(after.resources).changed > 0) throw new Error('a second time is not idle')

      const policies = (all: readonly Resource[]) =>
        all.flatMap((one) => (one.kind === 'NetworkPolicy' ? [fromNetworkPolicy(one)] : []))
      const [old, current] = [policies(before), policies(after.resources)]
      const endpointOf = (one: PodOfWorld) => ({
        namespace: one.namespace,
        labels: { ...one.labels, ...(one.namespace === 'c' ? {} : injected(one)) },
        namespaceLabels: { [namespaceNameLabel]: one.namespace },
        named: new Map(one.ports.filter(({ protocol }) => protocol === 'TCP').map(({ name, port }) => [name, [port]])),
      })
      for (const subject of world.endpoints)
        for (const peer of world.endpoints)
          for (const direction of ['ingress', 'egress'] as const) {
            const allows = (all: typeof old, port: number) =>
              verdictOn(all, direction, endpointOf(subject), endpointOf(peer), port).allowed
            for (const port of [8080, 9090, 4142, 4144, 53])
              if (allows(old, port) !== allows(current, port)) throw new Error(`${port} changed`)
            if (!allows(old, 4143) && allows(current, 4143)) {
              counts.opened++
              const had = [...applicationPorts(world)].some((port) => allows(old, port))
              if (!had) throw new Error(`4143 of ${subject.id} and ${peer.id} is opened to those who had no other port`)
            }
            if (allows(old, 4143) && !allows(current, 4143)) throw new Error('4143 is closed')
          }
    }),
    { numRuns, seed: 73 },
  )
  t.comment(`${numRuns} cases`, counts)
  t.ok(Math.min(counts.policies, counts.opened) > 100, 'much is fixed')
})

function injected({ labels, namespace }: PodOfWorld) {
  return { 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': namespace, ...labels }
}

/** Every number that occurs, but for those around which ports are asked. */
function applicationPorts({ policies }: World): Set<number> {
  const found = JSON.stringify(policies).matchAll(/"(?:port|endPort)":(\d+)/g)
  return new Set([8080, 9090, ...[...found].map(([, port]) => Number(port))].filter((port) => port !== 4143))
}

t.test('it says the same of each policy in a review', async (t) => {
  for (const fixture of own) {
    const loaded = loadFixture(fixture)
    const found = judgeFixture(fixture, loaded)
    const court = {
      now: 0,
      rules: [rule],
      snapshot: snapshotOf(loaded.resources, 'input'),
      config: { ...defaultConfig, linkerd: fixture.settings, fix: new Set([rule.id]) },
    }
    for (const subject of loaded.resources) {
      if (subject.kind !== 'NetworkPolicy') continue
      const review = {
        uid: '1',
        apiVersion: 'admission.k8s.io/v1',
        kind: { group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy' },
        namespace: subject.namespace,
        name: subject.name,
        operation: 'CREATE',
        subResource: '',
        dryRun: false,
        object: subject.wire,
        oldObject: null,
      } as const
      const verdict = judge(review, court)
      t.same(verdict.failures, [])
      t.same(
        verdict.enforced.map(({ finding }) => finding.text),
        found.filter((finding) => finding.subject === subject).map((finding) => finding.text),
        `${fixture.name}: ${subject.name}`,
      )
      const { edits } = mend(review, court)
      if (edits.length > 0) {
        const after = { ...review, object: applyEdits(subject.wire, edits) }
        t.same(mend(after, court).edits, [], `${fixture.name}: ${subject.name}: nothing is left to mend`)
      }
    }
  }
})

t.test('it takes whatever passes the door: nulls, empty values and variables in any place', async (t) => {
  const numRuns = 8000
  let judged = 0
  const odd = fc.constantFrom<Json[]>(null, null, null, '${X}', {}, [], '', '${X}', 'x', 0, -1, 70000, [null], [{}])
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 3 }), (seed, changes) => {
      let wire: unknown = networkPolicyFrom(diceFrom(seed), 0)
      for (const [where, value] of changes) {
        const paths = pathsOf(wire).filter((path) => path[0] === 'spec')
        const path = paths[where % paths.length]
        if (path) wire = applyEdits(wire, [{ op: 'set', path, value }])
      }
      const found = readResource(wire)
      if (found.as !== 'resource') return
      judged++
      const beside = networkPolicyFrom(diceFrom(seed + 1), 1)
      for (const { subject, fix } of findingsIn([namespace('a', 'enabled'), found.resource, read(beside)]))
        if (fix && subject === found.resource) applyEdits(wire, fix.edits)
    }),
    { numRuns, seed: 79 },
  )
  t.comment(`${judged} of ${numRuns} cases pass the door`)
  t.ok(judged > 2000, 'enough pass')
})

/** Every place in a value. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  const below =
    isObject(value) || Array.isArray(value)
      ? Object.entries(value).flatMap(([key, member]) =>
          pathsOf(member, [...path, Array.isArray(value) ? Number(key) : key]),
        )
      : []
  return [path, ...below]
}

t.test('it is a hint, at most, where the cluster has no such Pods', async (t) => {
  const resources = [
    namespace('a', 'enabled'),
    policy('web', {
      podSelector: { matchLabels: { app: 'web' } },
      ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }],
    }),
  ]
  const run = (scope: 'cluster' | 'input') =>
    analyse({
      subjects: resources,
      snapshot: snapshotOf(resources, scope),
      rules: [rule],
      settings: defaultSettings,
      stage: 'declared',
    }).findings
  t.match(run('input'), [{ severity: 'error', text: /in the files given/ }])
  t.match(run('cluster'), [{ severity: 'info', text: /which no policy allows here/ }])
})

t.test('it takes an empty peer for the own namespace, which is what policy engines do with one', async (t) => {
  const open = (name: string, port: number, peer: object) =>
    policy(name, { podSelector: {}, ingress: [{ from: [peer], ports: [{ port }] }] })
  const own = { podSelector: {} }
  const foundWith = (...policies: readonly Resource[]) =>
    findingsIn([namespace('a', 'enabled'), ...policies]).map(({ path }) => path.join('.'))
  t.same(foundWith(open('web', 8080, {})), ['spec.ingress.0.ports.0'])
  t.same(foundWith(open('web', 8080, {}), open('mesh', 4143, own)), [])
  t.same(foundWith(open('web', 8080, own), open('mesh', 4143, {})), [])
})
