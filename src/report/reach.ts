import type { Path } from '../k8s/json.ts'
import { describe, type Resource } from '../k8s/resource.ts'
import type { Cause, ReachVerdict } from '../linkerd/reach/reach-pair.ts'
import type { Workload } from '../linkerd/reach/reach-workloads.ts'
import type { Link, Reachability } from '../linkerd/reach/reachability.ts'
import { formatPorts } from '../policy/port-set.ts'
import { plural, type ReportedFailure } from './report.ts'

/** Who may reach whom, and where what decides is written. */
export interface ReachReport {
  readonly reach: Reachability
  /** The links to show: all, or those that are broken. */
  readonly links: readonly Link[]
  readonly placeOf: (resource: Resource, path: Path) => ReachPlace
  readonly failures: readonly ReportedFailure[]
}

export interface ReachPlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** `8080, 9000-9010`; all of them are `every port`. */
export function portsInWords({ ports, wirePort }: Pick<Link, 'ports' | 'wirePort'>): string {
  if (ports.length === 0) return 'none'
  const isAll = (text: string) =>
    text === '1-65535' || text === `1-${(wirePort ?? 0) - 1}, ${(wirePort ?? 0) + 1}-65535`
  const text = formatPorts(ports)
  return isAll(text) ? 'every port' : text
}

/** `4143 open`, `4143 closed`, or that there is no mesh between them. */
export function meshInWords({ wirePort, wireOpen }: Pick<Link, 'wirePort' | 'wireOpen'>): string {
  return wirePort === undefined ? 'not used' : `${wirePort} ${wireOpen ? 'open' : 'closed'}`
}

const verdictsInWords: Readonly<Record<ReachVerdict, string>> = {
  broken: 'broken',
  'mesh-only': 'mesh port only',
  open: 'open',
  unserved: 'not served',
  closed: 'closed',
}

export function verdictInWords({ verdict, certain }: Pick<Link, 'verdict' | 'certain'>): string {
  return `${certain || verdict === 'open' ? '' : 'maybe '}${verdictsInWords[verdict]}`
}

/** What a place in a policy has to do with a link. */
export function causeInWords({ rule, direction, policy }: Cause, link: Link): string {
  const name = describe(policy)
  const way = direction === 'ingress' ? 'into' : 'out of'
  if (rule === 'network-policy-denies-proxy-port') return `${name} denies ${link.wirePort}`
  if (rule === undefined) return `${name} denies what no rule allows ${way} ${namesOf(sideOf(link, direction), 1)}`
  return `${name} lets ${portsInWords(link)} ${direction === 'ingress' ? 'in' : 'out'}, and leaves out ${link.wirePort}`
}

function sideOf({ from, to }: Link, direction: Cause['direction']): readonly Workload[] {
  return direction === 'ingress' ? to : from
}

/** `Deployment shop/web, Deployment shop/cart and 3 more`. */
export function namesOf(workloads: readonly Workload[], most: number): string {
  const names = workloads.slice(0, most).map(({ name }) => name)
  const more = workloads.length - names.length
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** One line on all of it. */
export function summaryOf({ reach }: ReachReport): string {
  const { pairs, workloads, policies } = reach
  const total = Object.values(pairs).reduce((sum, count) => sum + count, 0)
  const counts: readonly [number, string][] = [
    [pairs.broken, 'broken'],
    [pairs['mesh-only'], 'with the mesh port only'],
    [pairs.open, 'open'],
    [pairs.unserved, 'open on ports nobody serves'],
    [pairs.closed, 'closed'],
    [pairs.unrestricted, 'that no policy restricts'],
    [pairs.skipped, 'not looked at'],
  ]
  const parts = counts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`)
  const found = total === 0 ? 'no pairs' : `${plural(total, 'pair')}: ${parts.join(', ')}`
  return `${plural(workloads.length, 'workload')}, ${policies} ${policies === 1 ? 'policy' : 'policies'}, ${found}`
}

/** What is not in the picture, and why. */
export function remarksOn({ reach, placeOf }: ReachReport): string[] {
  const remarks: string[] = []
  if (reach.pairs.skipped > 0)
    remarks.push(`${reach.pairs.skipped} pairs are too many to look at; ask for less with --namespace, --from or --to`)
  if (reach.onHost.length > 0)
    remarks.push(`on the host's network, where no policy selects them: ${namesOf(reach.onHost, mostNames)}`)
  for (const { resource, path, reason } of reach.doubts.slice(0, mostNames)) {
    const { file, line } = placeOf(resource, path)
    remarks.push(`${file}:${line}: ${describe(resource)}: ${reason}`)
  }
  if (reach.doubts.length > mostNames) remarks.push(`${reach.doubts.length - mostNames} more policies are in doubt`)
  return remarks
}

const mostNames = 20
