import fc from 'fast-check'
import t from 'tap'
import { judge } from '../../src/admission/judge.ts'
import { readReview } from '../../src/admission/review.ts'
import { analyse } from '../../src/core/analyse.ts'
import { confidences, type Finding } from '../../src/core/finding.ts'
import { isSameObject, partitionOf } from '../../src/core/snapshot.ts'
import { createStore, type Store } from '../../src/core/store.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { settingsAmong } from '../../src/linkerd/injection/injector-reach.ts'
import { policyKinds } from '../../src/policy/translate.ts'
import { rules } from '../../src/rules/index.ts'
import { mixedPolicies } from '../linkerd/policies/mixed-policies.ts'
import { type Dice, diceFrom } from '../oracle/worlds.ts'
import { injector, reviewOf, strict, type WireObject } from './reviews.ts'

/*
 * What a change does to policies of other namespaces, and to cluster-wide ones, against the definition: every policy of the cluster
 * is judged before and after, each time in a store that holds just that.
 */

const policyRules = rules.filter(({ id }) => id.startsWith('network-policy-'))

const namespace = (dice: Dice, name: string): WireObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: { 'kubernetes.io/metadata.name': name, ...(dice.once(4) ? {} : { team: dice.oneOf(['x', 'y']) }) },
    annotations: { 'linkerd.io/inject': dice.oneOf(['enabled', 'enabled', 'disabled']) },
  },
})

const apps = ['x', 'xz', 'y', 'other'] as const

const deployment = (dice: Dice, name: string, home: string, app: string = dice.oneOf(apps)): WireObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: home },
  spec: {
    replicas: 1 + dice.pick(2),
    template: {
      metadata: { labels: { app } },
      spec: {
        containers: [{ name: 'app', image: 'example/app', ports: [{ containerPort: dice.oneOf([8080, 9090]) }] }],
      },
    },
  },
})

interface Case {
  readonly objects: readonly WireObject[]
  readonly from: WireObject | undefined
  readonly to: WireObject | undefined
}

const renamed = (object: WireObject, name: string): WireObject => ({
  ...object,
  metadata: { ...object.metadata, name },
})

/** In some, `b` is where the control plane lives. */
function caseFrom(seed: number): Case {
  const dice = diceFrom(seed)
  return dice.once(6) ? JSON.parse(JSON.stringify(madeBy(dice)).replaceAll('"b"', '"linkerd"')) : madeBy(dice)
}

function madeBy(dice: Dice): Case {
  const homes = ['a', 'b', 'c'] as const
  const namespaces = homes.map((name) => namespace(dice, name))
  const workloads = homes.flatMap((home) => dice.some(0, 2, () => 0).map((_, i) => deployment(dice, `d${i}`, home)))
  const policies = [...mixedPolicies(dice), ...mixedPolicies(dice)].map((one, i) => renamed(one as WireObject, `p${i}`))
  const watching = dice.some(0, 1, () => deployment(dice, 'prometheus', dice.oneOf(homes), 'prometheus'))
  const objects = [...namespaces, ...workloads, ...watching, ...policies]
  const home = dice.oneOf(homes)
  switch (dice.pick(4)) {
    case 0: {
      const from = dice.once(4) ? undefined : namespaces.find(({ metadata }) => metadata['name'] === home)
      return { objects, from, to: namespace(dice, from === undefined ? 'd' : home) }
    }
    case 1: {
      const from = dice.once(2) ? workloads[0] : undefined
      if (from === undefined) return { objects, from, to: deployment(dice, 'new', home) }
      return {
        objects,
        from,
        to: dice.once(2) ? undefined : deployment(dice, 'd0', String(from.metadata['namespace'])),
      }
    }
    default: {
      const [other = namespace(dice, 'd'), ...like] = [...mixedPolicies(dice), ...mixedPolicies(dice)] as WireObject[]
      const from = policies[dice.pick(policies.length)] ?? other
      const to = like.find(({ kind, apiVersion }) => kind === from.kind && apiVersion === from.apiVersion)
      if (dice.once(3)) return { objects, from: undefined, to: renamed(other, 'new') }
      if (to === undefined || dice.once(2)) return { objects, from, to: undefined }
      return { objects, from, to: { ...to, metadata: from.metadata } }
    }
  }
}

const isOne = (left: WireObject, right: WireObject | undefined) =>
  left.kind === right?.kind &&
  left.apiVersion === right.apiVersion &&
  left.metadata['name'] === right.metadata['name'] &&
  left.metadata['namespace'] === right.metadata['namespace']

function storeOf(objects: readonly WireObject[]): Store {
  const store = createStore()
  for (const kind of Object.keys(kinds) as KindName[]) store.mark(kind, undefined)
  for (const object of [injector, ...objects]) store.upsert(read(object))
  return store
}

function read(object: WireObject): Resource {
  const found = readResource(object, object.metadata['namespace'] as string | undefined)
  if (found.as !== 'resource') throw new Error(`${object.kind} is ${found.as}`)
  return found.resource
}

const placeOf = ({ rule, message, subject, path }: Finding) =>
  `${rule} ${message} ${subject.kind} ${subject.namespace}/${subject.name} ${path.join('.')}`

/**
 * Every finding on a policy, with one object as it is given instead of what it was. Of what rules do not tell apart, they name the
 * first: so it has the place that it has in a review, where a Namespace stays where it was, and others come last.
 */
function findingsWith(objects: readonly WireObject[], from: WireObject | undefined, one: WireObject | undefined) {
  const isPlaced = from?.kind === 'Namespace' && one !== undefined
  const others = isPlaced
    ? objects.map((object) => (isOne(object, from) ? one : object))
    : [...objects.filter((object) => !isOne(object, from)), ...(one ? [one] : [])]
  const { snapshot } = storeOf(others)
  const settings = settingsAmong(snapshot, strict.linkerd, 'admitted')
  const subjects = policyKinds.flatMap((kind): readonly Resource[] => snapshot.all(kind))
  const { findings, failures } = analyse({ subjects, snapshot, rules: policyRules, settings, stage: 'admitted' })
  if (failures.length > 0) throw failures[0]?.error
  return findings
}

/** By where they stand, how sure they are. */
function surest(findings: Iterable<Finding>): Map<string, number> {
  const found = new Map<string, number>()
  for (const finding of findings) {
    const place = placeOf(finding)
    found.set(place, Math.min(found.get(place) ?? Infinity, confidences.indexOf(finding.confidence)))
  }
  return found
}

function reviewFrom({ from, to }: Case) {
  const object = to ?? from
  if (object === undefined) throw new Error('nothing changes')
  const { name, namespace = object.kind === 'Namespace' ? name : '' } = object.metadata
  const operation = to === undefined ? 'DELETE' : from === undefined ? 'CREATE' : 'UPDATE'
  const found = readReview(reviewOf(object, { operation, namespace, object: to ?? null, oldObject: from ?? null }))
  if ('reason' in found) throw new Error(found.reason)
  return found.review
}

const numRuns = 1200

t.test('it tells of every policy that a change makes wrong, and of no other', async (t) => {
  const counts: Record<string, number> = {}
  const count = (what: string, by = 1) => (counts[what] = (counts[what] ?? 0) + by)
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const one = caseFrom(seed)
      const { objects, from, to } = one
      const subject = read(to ?? (from as WireObject))
      const known = surest(findingsWith(objects, from, from))
      const isNews = (finding: Finding) =>
        !isSameObject(finding.subject, subject) &&
        !((known.get(placeOf(finding)) ?? Infinity) <= confidences.indexOf(finding.confidence))
      const news = findingsWith(objects, from, to).filter(isNews)

      const court = { rules: policyRules, snapshot: storeOf(objects).snapshot, config: strict, now: 0 }
      const { elsewhere, notes, failures } = judge(reviewFrom(one), court)
      if (failures.length > 0) throw failures[0]?.error
      const told = elsewhere.map(({ finding }) => finding)
      const tell = (findings: readonly Finding[]) => new Set([...surest(findings)].map((found) => found.join(' ')))
      const [isTold, isNew] = [tell(told), tell(news)]
      const missing = isNew.difference(isTold)
      const invented = isTold.difference(isNew)
      if (missing.size + invented.size + notes.length > 0)
        throw new Error(
          JSON.stringify({ missing: [...missing], invented: [...invented], notes, case: one }, undefined, 1),
        )
      const far = told.filter((finding) => finding.subject.namespace !== partitionOf(subject).namespace)
      count('near', told.length - far.length)
      count(
        subject.kind.endsWith('Policy') ? (subject.namespace === '' ? 'wide policy' : 'policy') : subject.kind,
        far.length,
      )
    }),
    { numRuns, seed: 12 },
  )
  t.comment(counts)
  for (const what of ['Namespace', 'Deployment', 'policy', 'wide policy']) t.ok((counts[what] ?? 0) >= 3, what)
})
