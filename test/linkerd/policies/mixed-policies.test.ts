import fc from 'fast-check'
import t from 'tap'
import { analyse } from '../../../src/core/analyse.ts'
import { applyEdits } from '../../../src/core/apply-edit.ts'
import { snapshotOf } from '../../../src/core/snapshot.ts'
import type { Resource } from '../../../src/k8s/resource.ts'
import { deniedProxyPorts } from '../../../src/linkerd/policies/denied-proxy-port.ts'
import { wirePortGaps } from '../../../src/linkerd/policies/wire-port-gaps.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { type Direction, namespaceNameLabel, type Policy, type Rule } from '../../../src/policy/policy.ts'
import { includesPort } from '../../../src/policy/ports.ts'
import { type PolicyKind, translate } from '../../../src/policy/translate.ts'
import { type Endpoint, verdictOn } from '../../../src/policy/verdict.ts'
import { networkPolicyOmitsProxyPort } from '../../../src/rules/network-policy-omits-proxy-port.ts'
import { diceFrom } from '../../oracle/worlds.ts'
import { readPolicy } from '../../policy/translated.ts'
import { pod, resource, worldOf } from '../world.ts'
import { mixedPolicies } from './mixed-policies.ts'

/*
 * Policies of every dialect together, namespaced and cluster-wide: what the rules find of Pods nobody has seen, of known Pods in
 * files and of Pods in a cluster, against asking for each pair of Pods there can be.
 */

const directions = ['ingress', 'egress'] as const
const proxyPort = 4143
const applicationPorts = [8080, 9090, 7070]

const teams: Readonly<Record<string, string>> = { a: 'x', b: 'y' }
const known = Object.entries(teams).map(([name, team]) =>
  resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations: { 'linkerd.io/inject': 'enabled' }, labels: { team } },
  }),
)

const apps = [undefined, 'x', 'xz', 'y', 'other']

function endpoint(namespace: string, app: string | undefined, team: string | undefined): Endpoint {
  return {
    namespace,
    labels: {
      ...(app === undefined ? {} : { app }),
      'linkerd.io/control-plane-ns': 'linkerd',
      'linkerd.io/workload-ns': namespace,
    },
    namespaceLabels: { ...(team === undefined ? {} : { team }), [namespaceNameLabel]: namespace },
    named: new Map(),
  }
}

/** Pods of the known namespaces there can be. */
const targets = Object.entries(teams).flatMap(([name, team]) => apps.map((app) => endpoint(name, app, team)))
/** And of others. */
const everybody = targets.concat(
  [undefined, 'x', 'y', 'other'].flatMap((team) => apps.map((app) => endpoint('elsewhere', app, team))),
)

/** The policies with one rule instead of another. */
function withRule(policies: readonly Policy[], direction: Direction, rule: Rule, instead: Rule): Policy[] {
  return policies.map((policy) => {
    const { rules, restrictions, isolates } = policy.directions[direction]
    const changed = {
      isolates,
      rules: rules.map((one) => (one === rule ? { ...one, ports: instead.ports } : one)),
      restrictions: restrictions.map((one) => (one === rule ? instead : one)),
    }
    return { ...policy, directions: { ...policy.directions, [direction]: changed } }
  })
}

interface Pair {
  readonly target: Endpoint
  readonly peer: Endpoint
}

/** What is broken by the definition: `omits ingress/0`, `denies spec/ingressDeny/1`. */
function brokenByDefinition(all: readonly Policy[], own: readonly Policy[], pairs: readonly Pair[]): string[] {
  const found = new Set<string>()
  for (const policy of own)
    for (const direction of directions) {
      const { rules, restrictions } = policy.directions[direction]
      for (const rule of [...rules, ...restrictions]) {
        const speaks = (port: number) => includesPort(rule.ports, port, undefined)
        if (rule.entries.length === 0) continue
        const denies = rule.action === 'deny'
        if (speaks(proxyPort) !== denies) continue
        const ports = { ...rule.ports, numbers: [...rule.ports.numbers, [proxyPort, proxyPort] as const] }
        const mended = withRule(all, direction, rule, denies ? { ...rule, action: 'allow' } : { ...rule, ports })
        const asked = applicationPorts.filter((port) => speaks(port) !== denies)
        const only = withRule([{ ...policy, directions: { ...policy.directions } }], direction, rule, rule)
        const isBroken = pairs.some(({ target, peer }) => {
          const allows = (policies: readonly Policy[], port: number) =>
            verdictOn(policies, direction, target, peer, port).allowed
          return (
            !allows(all, proxyPort) &&
            allows(mended, proxyPort) &&
            asked.some((port) => allows(all, port)) &&
            (denies || isAbout(only, direction, rule, target, peer))
          )
        })
        if (isBroken) found.add(`${denies ? 'denies' : 'omits'} ${rule.path.join('/')}`)
      }
    }
  return [...found].toSorted()
}

/** Would the rule, if it were the only one, let the pair through? */
function isAbout(own: readonly Policy[], direction: Direction, rule: Rule, target: Endpoint, peer: Endpoint): boolean {
  const alone = own.map((policy): Policy => {
    const ruling = { isolates: true, rules: [{ ...rule, action: 'allow' as const }], restrictions: [] }
    return { ...policy, directions: { ...policy.directions, [direction]: ruling } }
  })
  const port = applicationPorts.find((one) => includesPort(rule.ports, one, undefined))
  const { allowed, isolated } = verdictOn(alone, direction, target, peer, port ?? 0)
  return port !== undefined && isolated && allowed
}

function foundBy(object: Resource<PolicyKind>, view: ReturnType<typeof worldOf>, named: boolean): string[] {
  const isNamed = ({ client, server }: { client: string; server: string }) =>
    !named || (client.startsWith('Pod ') && server.startsWith('Pod '))
  const omits = [...wirePortGaps(object, view)].filter(isNamed).map(({ rule }) => `omits ${rule.path.join('/')}`)
  const denies = [...deniedProxyPorts(object, view)].filter(isNamed).map(({ rule }) => `denies ${rule.path.join('/')}`)
  return [...new Set([...omits, ...denies])].toSorted()
}

const numRuns = 150

t.test('it finds what is broken between Pods there can be, and between those there are', async (t) => {
  const counts = { objects: 0, omits: 0, denies: 0, known: 0 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const dice = diceFrom(seed)
      const objects = mixedPolicies(dice).map(readPolicy)
      const forms = objects.map((object) => translate(object))
      const all = forms.flat()
      const unseen = worldOf([...known, ...objects])
      const there = dice.some(3, 6, () => dice.oneOf([targets[0] ?? endpoint('a', undefined, 'x'), ...targets]))
      const pods = there.map(({ namespace, labels }, i) => pod(`p${i}`, { namespace, labels, created: true }))
      const worlds = (['input', 'cluster'] as const).map((scope) => worldOf([...known, ...pods, ...objects], {}, scope))
      const anyPairs = targets.flatMap((target) => everybody.map((peer) => ({ target, peer })))
      const herePairs = there.flatMap((target, i) => there.flatMap((peer, j) => (i === j ? [] : [{ target, peer }])))
      for (const [i, object] of objects.entries()) {
        counts.objects++
        const expected = brokenByDefinition(all, forms[i] ?? [], anyPairs)
        for (const one of expected) counts[one.startsWith('omits') ? 'omits' : 'denies']++
        const context = () => `seed ${seed}: ${JSON.stringify(objects.map(({ wire }) => wire))} at ${i}`
        const found = foundBy(object, unseen, false)
        if (found.join() !== expected.join())
          throw new Error(`unseen: ${found.join()}, by the definition ${expected.join()}; ${context()}`)
        const concrete = brokenByDefinition(all, forms[i] ?? [], herePairs)
        counts.known += concrete.length
        for (const view of worlds) {
          const ours = foundBy(object, view, true)
          if (ours.join() !== concrete.join())
            throw new Error(`${view.scope}: ${ours.join()}, by the definition ${concrete.join()}; ${context()}`)
        }
      }
    }),
    { numRuns, seed: 151 },
  )
  t.comment(`${numRuns} cases`, counts)
  t.ok(Math.min(counts.omits, counts.denies, counts.known) > 25, 'each happens often')
})

/** Opens every gap that has a fix, in all objects. */
function mendedBy(objects: readonly Resource<PolicyKind>[]): Resource<PolicyKind>[] {
  const all = [...known, ...objects]
  const { findings } = analyse({
    subjects: objects,
    snapshot: snapshotOf(all, 'input'),
    rules: [networkPolicyOmitsProxyPort],
    settings: defaultSettings,
    stage: 'declared',
  })
  return objects.map((object) => {
    const edits = findings.filter(({ subject }) => subject === object).flatMap(({ fix }) => fix?.edits ?? [])
    return edits.length === 0 ? object : readPolicy({ ...object.wire, ...Object(applyEdits(object.wire, edits)) })
  })
}

t.test('its fixes open the port of the proxy to nobody who has no port of the application', async (t) => {
  const counts = { mended: 0, opened: 0 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const objects = mixedPolicies(diceFrom(seed)).map(readPolicy)
      const mended = mendedBy(objects)
      if (mended.every((object, i) => object === objects[i])) return
      counts.mended++
      const [before, after] = [objects, mended].map((some) => some.flatMap((object) => translate(object)))
      if (!before || !after) throw new Error('no policies')
      const again = mendedBy(mended)
      if (!again.every((object, i) => object === mended[i])) throw new Error(`seed ${seed}: something is left to mend`)
      for (const direction of directions)
        for (const target of targets)
          for (const peer of everybody) {
            const allows = (policies: readonly Policy[], port: number) =>
              verdictOn(policies, direction, target, peer, port).allowed
            for (const port of applicationPorts)
              if (allows(before, port) !== allows(after, port)) throw new Error(`seed ${seed}: ${port} has changed`)
            if (allows(before, proxyPort) === allows(after, proxyPort)) continue
            counts.opened++
            if (!allows(after, proxyPort) || !applicationPorts.some((port) => allows(after, port)))
              throw new Error(`seed ${seed}: ${JSON.stringify({ direction, target, peer })}`)
          }
    }),
    { numRuns: 450, seed: 157 },
  )
  t.comment('450 cases', counts)
  t.ok(counts.mended > 50 && counts.opened > 500, 'many are mended')
})
