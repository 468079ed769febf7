import type { Direction } from '../../policy/policy.ts'
import { type Doubtful, type End, endsOf, type ReachView, speaksOf, spokenOf } from './reach-ends.ts'
import { type Pair, pairOf, type ReachVerdict } from './reach-pair.ts'
import type { Workload } from './reach-workloads.ts'

/** Workloads that all reach the others in the same way. */
export interface Link extends Pair {
  readonly from: readonly Workload[]
  readonly to: readonly Workload[]
}

/** Who may reach whom. */
export interface Reachability {
  /** Worst first; those with the verdict `closed` only where they were asked for. */
  readonly links: readonly Link[]
  readonly workloads: readonly Workload[]
  /** How many policies there are, of any dialect. */
  readonly policies: number
  /** Pairs of workloads: those by verdict, those that no policy is about, and those too many to look at. */
  readonly pairs: Readonly<Record<ReachVerdict | 'unrestricted' | 'skipped', number>>
  readonly onHost: readonly Workload[]
  readonly doubts: readonly Doubtful[]
}

export interface ReachQuestion {
  readonly from: (workload: Workload) => boolean
  readonly to: (workload: Workload) => boolean
  /** One end, or both, must be in such a namespace. */
  readonly namespace: (name: string) => boolean
  /** List pairs that are closed, and those that no policy is about, as well. */
  readonly every: boolean
}

/** Kinds of ends that are looked at, two by two. Policies that speak of everybody make every pair one to look at. */
export const mostPairs = 100_000

const verdicts: readonly ReachVerdict[] = ['broken', 'mesh-only', 'open', 'unserved', 'closed']

/**
 * Who may reach whom, by the policies of every dialect, and whether the mesh's own port is open to them. Workloads are taken
 * together that nothing tells apart ({@link endsOf}). Of pairs that no rule speaks of, what holds is plain: they are closed
 * where a policy isolates one end, and otherwise unrestricted; these are counted, and not looked at.
 */
export function reachabilityOf(view: ReachView, question: ReachQuestion, most = mostPairs): Reachability {
  const world = endsOf(view)
  const pairs = { broken: 0, 'mesh-only': 0, open: 0, unserved: 0, closed: 0, unrestricted: 0, skipped: 0 }
  const clients = narrowed(world.ends, question.from)
  const servers = narrowed(world.ends, question.to)
  const links: Link[] = []
  const seen = new Set<number>()
  const isMeant = (end: End) => question.namespace(end.endpoint.namespace)
  let looked = 0
  let lookedFree = 0
  const look = (from: End, to: End) => {
    const sources = clients.get(from)
    const targets = servers.get(to)
    const number = from.index * world.ends.length + to.index
    if (!sources || !targets || seen.has(number) || !(isMeant(from) || isMeant(to))) return
    const count = pairCount(sources, targets)
    if (count === 0) return
    seen.add(number)
    looked += count
    if (!from.sides.egress.isolated && !to.sides.ingress.isolated) lookedFree += count
    if (seen.size > most) {
      pairs.skipped += count
      return
    }
    const pair = pairOf(from, to, world, view)
    const spoken = speaksOf(from.sides.egress, to, world.members) || speaksOf(to.sides.ingress, from, world.members)
    pairs[pair.verdict === 'open' && !spoken ? 'unrestricted' : pair.verdict] += count
    if (pair.verdict !== 'closed' || question.every) links.push({ ...pair, from: sources, to: targets })
  }
  for (const end of world.ends) {
    if (servers.has(end)) for (const from of spokenOf(end.sides.ingress, world)) look(from, end)
    if (clients.has(end)) for (const to of spokenOf(end.sides.egress, world)) look(end, to)
  }
  if (question.every) for (const from of clients.keys()) for (const to of servers.keys()) look(from, to)
  const countMeant = (sources: Narrowed, targets: Narrowed) =>
    countPairs(sources, targets) - countPairs(without(sources, isMeant), without(targets, isMeant))
  const free = countMeant(without(clients, isIsolated('egress')), without(servers, isIsolated('ingress'))) - lookedFree
  pairs.unrestricted += free
  pairs.closed += countMeant(clients, servers) - looked - free
  const worst = (link: Link) => verdicts.indexOf(link.verdict) * 2 + (link.certain ? 0 : 1)
  return {
    links: links.sort((left, right) => worst(left) - worst(right) || compare(keyOf(left), keyOf(right))),
    workloads: world.ends.flatMap(({ workloads }) => workloads),
    policies: new Set(world.resources.values()).size,
    pairs,
    onHost: world.onHost,
    doubts: world.doubts,
  }
}

type Narrowed = ReadonlyMap<End, readonly Workload[]>

function narrowed(ends: readonly End[], keep: (workload: Workload) => boolean): Narrowed {
  return new Map(
    ends.map((end) => [end, end.workloads.filter(keep)] as const).filter(([, workloads]) => workloads.length > 0),
  )
}

/** How many pairs of workloads there are. Those of one workload that is a single Pod are none. */
function countPairs(clients: Narrowed, servers: Narrowed): number {
  const sources = [...clients.values()].flat()
  const targets = [...servers.values()].flat()
  return pairCount(sources, targets)
}

function isIsolated(direction: Direction): (end: End) => boolean {
  return (end) => end.sides[direction].isolated
}

function without(ends: Narrowed, leave: (end: End) => boolean): Narrowed {
  return new Map([...ends].filter(([end]) => !leave(end)))
}

/** A Pod that is alone does not reach itself by the network. */
function pairCount(from: readonly Workload[], to: readonly Workload[]): number {
  const targets = new Set(to)
  return from.length * to.length - from.filter((one) => one.pod.replicas !== 'many' && targets.has(one)).length
}

function keyOf({ from, to }: Link): string {
  return `${to[0]?.name} ${from[0]?.name}`
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
