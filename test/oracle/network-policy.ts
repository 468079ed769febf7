import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readResource } from '../../src/k8s/resource.ts'
import { parseCidr } from '../../src/policy/cidr.ts'
import { fromNetworkPolicy } from '../../src/policy/network-policy.ts'
import { namespaceNameLabel, type Policy } from '../../src/policy/policy.ts'
import { type Endpoint, verdictOn } from '../../src/policy/verdict.ts'
import { type Answer, ask, type Result } from './ask.ts'
import { networkPolicyFrom, type PodOfWorld, type Query, type World, worldFrom } from './worlds.ts'

/*
 * node test/oracle/network-policy.ts [CASES [SEED]]: does `policy/` allow what real policy engines allow? MESHGATE_KIT_BIN names a
 * folder with cyclonus-oracle and cilium-oracle. Each world is a set of NetworkPolicies over a few Pods, and each result the
 * verdict and the isolation of one Pod, in one direction, for one peer and port. Every disagreement is printed with its
 * world reduced to the policies that it needs. Ends with 1 when there is one that nothing explains.
 */

/** Why a result of an engine is no evidence about Kubernetes. Undefined: it is. */
type Excuse = (result: Result, world: World, query: Query) => string | undefined

const engines: readonly { readonly name: string; readonly excuse: Excuse }[] = [
  // Its own caveats: labels of an absent key, values that are empty, Pods matched by address.
  { name: 'cyclonus', excuse: ({ caveats }) => caveats?.[0]?.replace(/:.*/, '') },
  { name: 'cilium', excuse: excuseOfCilium },
]

/** Cilium enforces rules of a direction that `policyTypes` does not name; Kubernetes ignores them. */
function excuseOfCilium(_: Result, { policies }: World, { direction }: Query): string | undefined {
  const named = direction === 'ingress' ? 'Ingress' : 'Egress'
  const unnamed = policies.some((policy) => {
    const { policyTypes, [direction]: rules } = (policy as { spec: Record<string, readonly unknown[] | undefined> })
      .spec
    return policyTypes !== undefined && !policyTypes.includes(named) && (rules ?? []).length > 0
  })
  return unnamed ? 'enforces-unnamed-direction' : undefined
}

function policiesOf(world: World): Policy[] {
  return world.policies.map((object) => {
    const read = readResource(object)
    if (read.as !== 'resource' || read.resource.kind !== 'NetworkPolicy') throw new Error(JSON.stringify(read))
    return fromNetworkPolicy(read.resource)
  })
}

function endpointOf({ namespace, labels, ports }: PodOfWorld, world: World): Endpoint {
  const named = new Map<string, number[]>()
  for (const { name, port, protocol } of ports)
    if (protocol === 'TCP') named.set(name, [...(named.get(name) ?? []), port])
  return {
    namespace,
    labels,
    namespaceLabels: { ...world.namespaces[namespace], [namespaceNameLabel]: namespace },
    named,
  }
}

/** Our answers, in the words of the protocol. */
function judge(world: World): string[] {
  const policies = policiesOf(world)
  const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
  return world.queries.map(({ subject, direction, peer, port }) => {
    const self = pods.get(subject)
    const other = typeof peer === 'string' ? pods.get(peer) : parseCidr(`${peer.cidr}/32`)
    if (!self || !other) throw new Error(`${subject}: no such Pod or peer`)
    const { allowed, isolated } = verdictOn(policies, direction, self, other, port)
    return wordsOf(allowed ? 'allow' : 'deny', isolated)
  })
}

function wordsOf(verdict: string, isolated: boolean): string {
  return `${verdict} ${isolated ? 'isolated' : 'open'}`
}

interface Tally {
  results: number
  excused: Map<string, number>
  disagreements: number
}

function compare(program: string, excuse: Excuse, worlds: readonly World[], answers: readonly Answer[]): Tally {
  const tally: Tally = { results: 0, excused: new Map(), disagreements: 0 }
  for (const [i, world] of worlds.entries()) {
    const answer = answers[i]
    if (answer?.id !== world.id || (answer.errors ?? []).length > 0)
      throw new Error(`${program} does not take a policy: ${JSON.stringify(answer)}`)
    const ours = judge(world)
    for (const [j, query] of world.queries.entries()) {
      const result = answer.results[j]
      if (!result) throw new Error(`${program} left out a query`)
      const reason = excuse(result, world, query)
      if (reason !== undefined) {
        tally.excused.set(reason, (tally.excused.get(reason) ?? 0) + 1)
        continue
      }
      tally.results++
      const theirs = wordsOf(result.verdict, result.isolated)
      if (theirs === ours[j]) continue
      if (++tally.disagreements <= 5) report(program, world, query)
    }
  }
  return tally
}

/** Prints a disagreement with only those policies without which there is none. */
function report(program: string, world: World, query: Query): void {
  let smallest: World = { ...world, queries: [query] }
  const answersOf = (one: World) => {
    const result = ask(program, [one])[0]?.results[0]
    return { ours: judge(one)[0], theirs: result && wordsOf(result.verdict, result.isolated) }
  }
  for (const policy of world.policies) {
    const less = { ...smallest, policies: smallest.policies.filter((other) => other !== policy) }
    const { ours, theirs } = answersOf(less)
    if (ours !== theirs) smallest = less
  }
  const { ours, theirs } = answersOf(smallest)
  console.log(`we say ${ours}, ${program} says ${theirs}: ${JSON.stringify(smallest)}`)
}

const [cases = 10_000, seed = 1] = process.argv.slice(2).map(Number)
const bin = process.env['MESHGATE_KIT_BIN'] ?? ''
const worlds = Array.from({ length: cases }, (_, i) => worldFrom(seed + i, networkPolicyFrom))
let agree = 0
let all = 0
for (const { name, excuse } of engines) {
  const program = join(bin, `${name}-oracle`)
  if (!existsSync(program)) throw new Error('MESHGATE_KIT_BIN names no folder with the engines')
  const { results, excused, disagreements } = compare(program, excuse, worlds, ask(program, worlds))
  const reasons = [...excused].map(([reason, count]) => `, ${count} are no evidence: ${reason}`).join('')
  console.log(
    `${name}: ${cases} sets from seed ${seed}, ${results} results compared${reasons}; ${disagreements} disagreements`,
  )
  agree += results - disagreements
  all += results
}
console.log(`${agree} of ${all} agree`)
process.exitCode = agree === all && all > 0 ? 0 : 1
