import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readResource } from '../../src/k8s/resource.ts'
import { type AddressRange, parseCidr } from '../../src/policy/cidr.ts'
import { namespaceNameLabel, type Policy } from '../../src/policy/policy.ts'
import { type PolicyKind, policyKinds, translate } from '../../src/policy/translate.ts'
import { type Endpoint, type Outsider, verdictOn } from '../../src/policy/verdict.ts'
import { ask, type Result } from './ask.ts'
import type { PodOfWorld, Query, World } from './worlds.ts'

/** A policy engine, and how it is asked. */
export interface Engine {
  readonly name: string
  readonly program: string
  /** Why a result is no evidence. Undefined: it is. */
  readonly excuse?: (result: Result, world: World, query: Query) => string | undefined
  /** The world as this engine must be shown it. */
  readonly show?: (world: World) => World
}

/** The program of an engine, in the folder that MESHGATE_KIT_BIN names. */
export function programOf(name: string): string {
  const program = join(process.env['MESHGATE_KIT_BIN'] ?? '', `${name}-oracle`)
  if (!existsSync(program)) throw new Error('MESHGATE_KIT_BIN names no folder with the engines')
  return program
}

export interface Score {
  readonly agree: number
  readonly all: number
}

/** One world as we judge it: answers in the words of the protocol, and the policies that we take for void. */
export interface Judgement {
  readonly words: readonly string[]
  readonly certain: readonly boolean[]
  readonly refused: ReadonlySet<string>
}

/** Reads the policies of a world. Those that are void come back without effect, and by name. */
export function policiesOf(objects: readonly object[]): { policies: Policy[]; refused: Set<string> } {
  const policies: Policy[] = []
  const refused = new Set<string>()
  for (const object of objects) {
    const read = readResource(object)
    if (read.as !== 'resource' || !isPolicyKind(read.resource.kind)) throw new Error(JSON.stringify([read, object]))
    const found = translate(read.resource as Parameters<typeof translate>[0])
    policies.push(...found)
    if (found.some(({ notes }) => notes.some(({ as }) => as === 'refused'))) refused.add(nameOf(object))
  }
  return { policies, refused }
}

function isPolicyKind(kind: string): kind is PolicyKind {
  return (policyKinds as readonly string[]).includes(kind)
}

function nameOf(object: object): string {
  const { metadata } = object as { metadata: { name: string } }
  return metadata.name
}

export function endpointOf({ namespace, labels, ports }: PodOfWorld, { namespaces }: World): Endpoint {
  const named = new Map<string, number[]>()
  for (const { name, port, protocol } of ports)
    if (protocol === 'TCP') named.set(name, [...(named.get(name) ?? []), port])
  return {
    namespace,
    labels,
    namespaceLabels: { ...namespaces[namespace], [namespaceNameLabel]: namespace },
    named,
  }
}

export function judge(world: World): Judgement {
  const { policies, refused } = policiesOf(world.policies)
  const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
  const verdicts = world.queries.map(({ subject, direction, peer, port }) => {
    const self = pods.get(subject)
    const other = peerOfWorld(peer, pods)
    if (!self || !other) throw new Error(`${subject}: no such Pod or peer`)
    return verdictOn(policies, direction, self, other, port)
  })
  return {
    words: verdicts.map(({ allowed, isolated }) => wordsOf(allowed ? 'allow' : 'deny', isolated)),
    certain: verdicts.map(({ certain }) => certain),
    refused,
  }
}

/** The other end of a query. */
export function peerOfWorld(
  peer: Query['peer'],
  pods: ReadonlyMap<string, Endpoint>,
): Endpoint | AddressRange | Outsider | undefined {
  if (typeof peer === 'string') return pods.get(peer)
  return 'cidr' in peer ? parseCidr(`${peer.cidr}/32`) : { outsider: peer.entity }
}

function wordsOf(verdict: string, isolated: boolean): string {
  return `${verdict} ${isolated ? 'isolated' : 'open'}`
}

/**
 * Asks an engine about every world and compares each result with ours, and the policies it takes for void. Prints what was
 * compared, what was set aside and why, and the first disagreements, each reduced to the policies that it needs.
 */
export function compareWith(engine: Engine, worlds: readonly World[]): Score {
  const { name, program, show = (world) => world, excuse = () => undefined } = engine
  const answers = ask(program, worlds.map(show))
  const aside = new Map<string, number>()
  const verdicts = new Map<string, number>()
  let results = 0
  let disagreements = 0
  for (const [i, world] of worlds.entries()) {
    const answer = answers[i]
    if (answer?.id !== world.id) throw new Error(`${name}: no answer to ${world.id}`)
    const ours = judge(world)
    const theirRefused = new Set((answer.errors ?? []).map(({ policy }) => policy.replace(/^.*\//, '')))
    results++
    if (ours.refused.symmetricDifference(theirRefused).size > 0) {
      if (++disagreements <= 5)
        console.log(
          `we refuse ${[...ours.refused].join()}, ${name} says ${JSON.stringify(answer.errors)}: ${JSON.stringify(
            world.policies.filter((object) => ours.refused.has(nameOf(object)) !== theirRefused.has(nameOf(object))),
          )}`,
        )
      continue
    }
    for (const [j, query] of world.queries.entries()) {
      const result = answer.results[j]
      if (!result) throw new Error(`${name} left out a query`)
      const reason =
        result.error?.replace(/^(cannot merge).*/, 'the engine $1 filters') ??
        (ours.certain[j] === true ? excuse(result, world, query) : 'not certain to us')
      if (reason !== undefined) {
        aside.set(reason, (aside.get(reason) ?? 0) + 1)
        continue
      }
      results++
      const theirs = wordsOf(result.verdict, result.isolated)
      verdicts.set(theirs, (verdicts.get(theirs) ?? 0) + 1)
      if (theirs !== ours.words[j] && ++disagreements <= 5) report(engine, world, query)
    }
  }
  const reasons = [...aside].map(([reason, count]) => `, ${count} set aside: ${reason}`).join('')
  const kinds = [...verdicts].map(([words, count]) => `${count} ${words}`).join(', ')
  console.log(
    `${name}: ${worlds.length} sets, ${results} results compared (${kinds})${reasons}; ${disagreements} disagreements`,
  )
  return { agree: results - disagreements, all: results }
}

/** Prints a disagreement with only those policies and rules without which there is none. */
function report({ name, program, show = (world) => world }: Engine, world: World, query: Query): void {
  const answersOf = (one: World) => {
    const answer = ask(program, [show(one)])[0]
    const result = answer?.results[0]
    const ours = judge(one)
    return { ours: ours.words[0], theirs: result && wordsOf(result.verdict, result.isolated) }
  }
  let smallest: World = { ...world, queries: [query] }
  for (let again = true; again; ) {
    again = false
    for (const less of smallerThan(smallest)) {
      const { ours, theirs } = answersOf(less)
      if (ours === theirs) continue
      smallest = less
      again = true
      break
    }
  }
  const { ours, theirs } = answersOf(smallest)
  console.log(`we say ${ours}, ${name} says ${theirs}: ${JSON.stringify(smallest)}`)
}

/** The world without one of its policies, or without one element of a list in one. */
function* smallerThan(world: World): Generator<World> {
  const { policies } = world
  for (const [i] of policies.entries()) yield { ...world, policies: policies.toSpliced(i, 1) }
  for (const [i, policy] of policies.entries())
    for (const less of withoutOne(policy)) yield { ...world, policies: policies.with(i, less as object) }
}

function* withoutOne(value: unknown): Generator {
  if (Array.isArray(value)) {
    // An empty list often says something else, or is refused.
    if (value.length > 1) for (const [i] of value.entries()) yield value.toSpliced(i, 1)
    for (const [i, one] of value.entries()) for (const less of withoutOne(one)) yield value.with(i, less)
  } else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value))
      for (const less of withoutOne(member)) yield { ...value, [key]: less }
}

/** Prints the sum, for who counts, and ends with 1 when there is a disagreement, or nothing was compared. */
export function finish(scores: readonly Score[]): void {
  const agree = scores.reduce((sum, score) => sum + score.agree, 0)
  const all = scores.reduce((sum, score) => sum + score.all, 0)
  console.log(`${agree} of ${all} agree`)
  process.exitCode = agree === all && all > 0 ? 0 : 1
}
