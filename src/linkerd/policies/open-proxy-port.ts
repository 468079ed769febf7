import type { Edit, Fix } from '../../core/edit.ts'
import { isObject, type Json, own, type Path, valueAt } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Rule } from '../../policy/policy.ts'
import { hasPort } from '../../policy/port-set.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import type { GapView } from './gap-view.ts'
import { meantPorts } from './meant-ports.ts'
import { formsOf } from './policy-forms.ts'
import { selectedBy } from './policy-targets.ts'
import type { WirePortGap } from './wire-port-gaps.ts'

/**
 * Opens the proxy's port to the peers of a rule and nobody else; says what that lets through. A rule by port name is only
 * changed when it gives an application's port of every Pod it is about: the number would grant others what they did not have.
 * So it might where rules that deny tell the two ports apart.
 *
 * @param found every gap of the rule
 * @param gap the one that is told
 */
export function openProxyPort(
  policy: Resource<PolicyKind>,
  found: readonly WirePortGap[],
  gap: WirePortGap,
  view: GapView,
): Fix | undefined {
  const { rule, separated } = gap
  if (separated) return undefined
  if (rule.ports.names.length > 0 && !opensEveryTarget(policy, gap, view)) return undefined
  const ports = [...new Set(found.map((one) => one.proxyPort))].toSorted((a, b) => a - b)
  const edits = editsFor(policy, gap, ports)
  if (edits === undefined) return undefined
  const others = found.some(({ client, server }) => client !== gap.client || server !== gap.server)
  const opened = `every port of ${gap.server} that goes through the proxy to ${gap.client}${others ? ', and likewise for others' : ''}`
  const title = `add TCP ${ports.join(', ')}; it opens ${opened}: restrict with a Server and an AuthorizationPolicy`
  return { title, edits }
}

function editsFor(
  policy: Resource<PolicyKind>,
  { rule, direction }: WirePortGap,
  ports: readonly number[],
): readonly Edit[] | undefined {
  switch (policy.kind) {
    case 'NetworkPolicy':
      return inNetworkPolicy(policy, rule, direction === 'ingress' ? 'from' : 'to', ports)
    case 'CiliumNetworkPolicy':
    case 'CiliumClusterwideNetworkPolicy':
      return inCiliumRule(rule, ports)
    case 'CalicoNetworkPolicy':
    case 'CalicoGlobalNetworkPolicy':
      return inCalicoRule(policy, rule, ports)
    default:
      // Where an order decides among administrators' rules, a person does.
      return undefined
  }
}

/** A rule that also has address ranges gets a rule of its own for its selectors: the ranges do not need the port. */
function inNetworkPolicy(
  policy: Resource<'NetworkPolicy'>,
  rule: Rule,
  member: 'from' | 'to',
  ports: readonly number[],
): readonly Edit[] | undefined {
  const entries = ports.map((port) => ({ port, protocol: 'TCP' }))
  if (!hasAddresses(rule)) return entries.map((value): Edit => ({ op: 'append', path: [...rule.path, 'ports'], value }))
  const selectors = selectorPeers(policy, [...rule.path, member])
  if (selectors.length === 0) return undefined
  return [{ op: 'append', path: rule.path.slice(0, -1), value: { [member]: selectors, ports: entries } }]
}

/**
 * An element of its own, which a later filter in another one leaves alone. Where the rule filters, the proxy's port would
 * go round the filter: for a person to decide.
 */
function inCiliumRule(rule: Rule, ports: readonly number[]): readonly Edit[] | undefined {
  if (rule.entries.some(({ filters }) => filters.length > 0)) return undefined
  const value = { ports: ports.map((port) => ({ port: String(port), protocol: 'TCP' })) }
  return [{ op: 'append', path: [...rule.path, 'toPorts'], value }]
}

/** Only a rule for TCP that lists ports, without exceptions and filters. */
function inCalicoRule(
  policy: Resource<'CalicoNetworkPolicy' | 'CalicoGlobalNetworkPolicy'>,
  rule: Rule,
  ports: readonly number[],
): readonly Edit[] | undefined {
  const wire = valueAt(policy.wire, rule.path)
  const destination = isObject(wire) ? own(wire, 'destination') : undefined
  if (rule.action !== 'allow' || hasAddresses(rule) || !isObject(wire) || !isObject(destination)) return undefined
  const protocol = own(wire, 'protocol')
  const isTcp = protocol === 6 || (typeof protocol === 'string' && /^(?:TCP|6)$/i.test(protocol))
  if (!isTcp || own(wire, 'http') != null) return undefined
  const [listed, except] = [own(destination, 'ports'), own(destination, 'notPorts')]
  if (!Array.isArray(listed) || listed.length === 0 || (Array.isArray(except) && except.length > 0)) return undefined
  const missing = ports.filter((port) => !hasPort(rule.ports.numbers, port))
  return missing.map((value): Edit => ({ op: 'append', path: [...rule.path, 'destination', 'ports'], value }))
}

function hasAddresses({ peers }: Rule): boolean {
  return peers.some((peer) => peer.as === 'addresses')
}

/** Does the rule, which names a port, give an application's port of every Pod that the proxy's port would be opened of? */
function opensEveryTarget(policy: Resource<PolicyKind>, { rule, numbers, direction }: WirePortGap, view: GapView) {
  const selected = formsOf(policy, view).flatMap((form) => (form.namespace === '' ? [] : selectedBy(form, view)))
  const targets = selected.filter((pod) => !pod.hostNetwork)
  if (direction === 'egress' || targets.length === 0) return numbers.length > 0
  return targets.every(
    (pod) => meantPorts(rule, { ...pod, skipOutbound: [], skipsPods: false }, pod, view) !== undefined,
  )
}

function selectorPeers(policy: Resource<'NetworkPolicy'>, path: Path): Json[] {
  const peers = valueAt(policy.wire, path)
  if (!Array.isArray(peers)) return []
  return peers.filter((peer) => isObject(peer) && own(peer, 'ipBlock') == null) as Json[]
}
