import type { Path } from '../../k8s/json.ts'
import { isObject, own, valueAt } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Direction, Policy } from '../../policy/policy.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import { controlPlanePods, injectedLabels, labels } from '../facts.ts'
import { controlPlanesOf } from '../pods/meshed.ts'
import { imaginedPodIn, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { isAllowed, isDns, isPod, onTcp, onUdp, type Question, speaks } from './policy-answer.ts'
import { formsOf, type PolicyView, type Selecting } from './policy-forms.ts'
import { type Subject, subjectsOf } from './policy-world.ts'

/** What a Pod's proxy cannot reach, although it must. */
export interface BlockedAccess {
  readonly path: Path
  readonly subject: Subject
  readonly controlPlane: string
  /** Ports of the control plane. */
  readonly ports: readonly number[]
  /** Protocols in which the DNS cannot be asked. */
  readonly dns: readonly ('UDP' | 'TCP')[]
  /** The policy denies it in so many words; else it is that none allows it. */
  readonly denied: boolean
  /** The policy opens the proxy's inbound port to the control plane instead. */
  readonly proxyPortInstead: boolean
}

const dnsPort = 53

/**
 * Where policies on a meshed Pod keep its proxy from the cluster's DNS or the control plane, per policy of this object that
 * has to do with it. Proxies dial the control plane's own ports, never the inbound port of its proxies (linkerd2-proxy
 * linkerd/app/core/src/control.rs).
 *
 * Of several policies that isolate a Pod, those that say nothing of egress but that it is closed leave it to the others.
 */
export function* blockedAccess(resource: Resource<PolicyKind>, view: PolicyView): Generator<BlockedAccess> {
  for (const policy of formsOf(resource, view)) {
    let found: BlockedAccess | undefined
    for (const subject of subjectsOf(policy, view)) {
      const blocked = blockedFor(policy, subject, resource, view)
      if (blocked && (found === undefined || subject.pod.meshed === 'yes')) found = blocked
      if (found?.subject.pod.meshed === 'yes') break
    }
    if (found) yield found
  }
}

function blockedFor(
  policy: Policy,
  subject: Subject,
  resource: Resource<PolicyKind>,
  view: PolicyView,
): BlockedAccess | undefined {
  const controlPlane = own(subject.pod.labels, labels.controlPlaneNamespace) ?? controlPlanesOf(view)[0]
  const closed = view.deriveFor(controlPlane, startClosed)(subject.policies)
  if (closed.length === 0) return undefined
  const guilty = closed.filter(({ question }) => hasPart(policy, subject, question))
  if (guilty.length === 0) return undefined
  const instead = serversOf(controlPlane, view)
    .flatMap(({ pods }) => pods)
    .map((server) => ({
      direction: 'egress' as const,
      ports: onTcp(server.inboundPort, server),
      peer: isPod(server, view),
    }))
  return {
    path: rulesPath(policy, resource, 'egress'),
    subject,
    controlPlane,
    ports: [...new Set(guilty.flatMap(({ port }) => port ?? []))].toSorted((a, b) => a - b),
    dns: guilty.flatMap(({ dns }) => dns ?? []),
    denied: guilty.some(({ question }) => denies(policy, question)),
    proxyPortInstead: policy.directions.egress.rules.some(
      (rule) => rule.entries.length > 0 && instead.some((question) => speaks(rule, question) === 'yes'),
    ),
  }
}

interface Closed {
  readonly question: Question
  readonly port?: number
  readonly dns?: 'UDP' | 'TCP'
}

/** Remembers what lists of policies leave closed for as long as the control plane's Pods stay what they are. */
function startClosed(view: PolicyView, controlPlane: string): (policies: readonly Selecting[]) => readonly Closed[] {
  const must: Closed[] = serversOf(controlPlane, view).flatMap(({ port, pods }) =>
    pods.map((server) => ({ question: egress(onTcp(port, server), isPod(server, view)), port })),
  )
  for (const dns of ['UDP', 'TCP'] as const)
    must.push({ question: egress(dns === 'UDP' ? onUdp(dnsPort) : onTcp(dnsPort), isDns), dns })
  const known = new WeakMap<readonly Selecting[], readonly Closed[]>()
  return (policies) => {
    const found = known.get(policies) ?? must.filter(({ question }) => isAllowed(policies, question) === 'no')
    known.set(policies, found)
    return found
  }
}

function serversOf(controlPlane: string, view: PolicyView) {
  return controlPlanePods.flatMap(({ component, proxies }) =>
    proxies.map((port) => ({ port, pods: componentPods(component, controlPlane, view) })),
  )
}

function egress(ports: Question['ports'], peer: Question['peer']): Question {
  return { direction: 'egress', ports, peer }
}

/** Is it this policy that closes the connection? It denies it, or it isolates and is not the mere lock beside others. */
export function hasPart(policy: Policy, { policies }: Subject, question: Question): boolean {
  if (denies(policy, question)) return true
  const { isolates, rules } = policy.directions[question.direction]
  if (!isolates) return false
  if (rules.length > 0) return true
  const others = policies.map((one) => one.policy.directions[question.direction])
  return !others.some((other) => other.isolates && other.rules.length > 0)
}

function denies(policy: Policy, question: Question): boolean {
  const { restrictions } = policy.directions[question.direction]
  return restrictions.some((rule) => rule.action === 'deny' && speaks(rule, question) === 'yes')
}

/** Pods of a component of the control plane: those that are known, or else one as the chart makes it. */
export function componentPods(component: string, namespace: string, view: PolicyView): readonly PodFacts[] {
  const known = podsIn(namespace, view).filter((pod) => own(pod.labels, labels.controlPlaneComponent) === component)
  if (known.length > 0) return known
  const owner = { kind: 'Deployment', namespace, name: `linkerd-${component}` }
  const chart = { [labels.controlPlaneComponent]: component, 'app.kubernetes.io/name': component }
  return [{ ...imaginedPodIn(namespace, 'yes', view), labels: injectedLabels(chart, owner, namespace) }]
}

/** Where a policy's rules of a direction are, or what makes it one of that direction. */
export function rulesPath(policy: Policy, { wire }: Resource<PolicyKind>, direction: Direction): Path {
  const { rules, restrictions } = policy.directions[direction]
  const [first] = [...rules, ...restrictions]
  if (first) return first.path.slice(0, -1)
  const spec = valueAt(wire, ['spec'])
  const member = [direction, 'policyTypes', 'types'].find((name) => isObject(spec) && own(spec, name) != null)
  return member === undefined ? ['spec'] : ['spec', member]
}
