import { isUnresolved, own, type Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import type { CiliumRule, LabelSelector, Spec } from '../k8s/spec-shapes.ts'
import { ciliumPeers } from './cilium-peers.ts'
import { ciliumPortEntries, type Told } from './cilium-ports.ts'
import { readCiliumSelector } from './cilium-selector.ts'
import {
  type Action,
  type Direction,
  type Note,
  nobody,
  ordinaryOrder,
  ordinaryTier,
  type Peer,
  type Policy,
  type Rule,
  type Ruling,
} from './policy.ts'
import { everyPort, noPort, uniteEntries } from './ports.ts'
import { subjectIn } from './subject.ts'

type CiliumKind = 'CiliumNetworkPolicy' | 'CiliumClusterwideNetworkPolicy'
type CiliumSpec = Spec<CiliumKind>

/**
 * A CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy in the common form: one policy for `spec` and each of `specs`. What
 * one of them does that the agent refuses makes the whole object void. Those with a `nodeSelector` are about nodes.
 * Semantics: cilium pkg/policy/api and pkg/k8s/apis/cilium.io/v2 (1.20).
 */
export function fromCiliumNetworkPolicy(resource: Resource<CiliumKind>): Policy[] {
  const notes: Note[] = []
  const refuse: Told['refuse'] = (path, reason) => notes.push({ as: 'refused', path, reason })
  const specs = specsOf(resource)
  if (specs.length === 0) refuse([], 'neither spec nor specs')
  const policies = specs.flatMap(({ spec, path }) => fromSpec(resource, spec, path, refuse))
  if (notes.length === 0) return policies
  const silent: Ruling = { isolates: false, rules: [], restrictions: [] }
  const { namespace, name } = resource
  const directions = { ingress: silent, egress: silent }
  return [{ namespace, name, subject: nobody, unknownSubject: false, tier: ordinaryTier, directions, notes }]
}

function specsOf({ wire, spec }: Resource<CiliumKind>): { readonly spec: CiliumSpec; readonly path: Path }[] {
  const found: { spec: CiliumSpec; path: Path }[] = []
  if (own(wire, 'spec') != null) found.push({ spec, path: ['spec'] })
  // The door has seen to the shape.
  const specs = (own(wire, 'specs') ?? []) as readonly (CiliumSpec | null)[]
  for (const [i, one] of specs.entries()) found.push({ spec: one ?? {}, path: ['specs', i] })
  return found
}

function fromSpec(
  { kind, namespace, name }: Resource<CiliumKind>,
  spec: CiliumSpec,
  path: Path,
  refuse: Told['refuse'],
): Policy[] {
  const { endpointSelector, nodeSelector } = spec
  if ((endpointSelector == null) === (nodeSelector == null))
    refuse(path, 'exactly one of endpointSelector and nodeSelector')
  if (nodeSelector != null && kind === 'CiliumNetworkPolicy')
    refuse([...path, 'nodeSelector'], 'nodeSelector in a namespace')
  const sections = [spec.ingress, spec.ingressDeny, spec.egress, spec.egressDeny]
  if (sections.every((rules) => (rules ?? []).length === 0)) refuse(path, 'no rules at all')

  const notes: Note[] = []
  const approximate: Told['approximate'] = (at, reason) => notes.push({ as: 'approximated', path: at, reason })
  const told = { refuse, approximate }
  const rulingOf = (direction: Direction): Ruling => {
    const allows = rulesOf(spec, direction, 'allow', path, namespace, told)
    const denies = rulesOf(spec, direction, 'deny', path, namespace, told)
    const isolates = allows.length + denies.length > 0 && spec.enableDefaultDeny?.[direction] !== false
    return { isolates, rules: allows, restrictions: denies }
  }
  const directions = { ingress: rulingOf('ingress'), egress: rulingOf('egress') }
  if (nodeSelector != null) {
    for (const { entries } of [...directions.ingress.rules, ...directions.egress.rules])
      for (const { filters, path: at } of entries) if (filters.includes('http')) refuse(at, 'http rules for nodes')
    return []
  }
  const isOwn = kind === 'CiliumNetworkPolicy'
  const selected = readCiliumSelector(isOwn && endpointSelector ? withoutNamespace(endpointSelector) : endpointSelector)
  if (!selected) {
    refuse([...path, 'endpointSelector'], 'no selector that the agent takes')
    return []
  }
  if (selected.beyond !== undefined)
    approximate([...path, 'endpointSelector'], `${selected.beyond} decides whom it is about`)
  // Those with reserved labels are no Pods.
  const box = selected.reserved.size > 0 ? nobody : selected.box
  return [
    {
      namespace,
      name,
      subject: isOwn ? subjectIn(namespace, box) : box,
      unknownSubject: selected.unresolved || selected.beyond !== undefined || isUnresolved(namespace),
      tier: ordinaryTier,
      directions,
      notes,
    },
  ]
}

const namespaceOfPod = 'k8s:io.kubernetes.pod.namespace'

/** The agent writes the policy's namespace over this label of the selector, whatever it says. */
function withoutNamespace(selector: LabelSelector): LabelSelector {
  const kept = Object.entries(selector.matchLabels ?? {}).filter(([key]) => key !== namespaceOfPod)
  return { ...selector, matchLabels: Object.fromEntries(kept) }
}

/** Rules that deny come before all that allow, of this policy and of every other in the tier. */
function rulesOf<A extends Action>(
  spec: CiliumSpec,
  direction: Direction,
  action: A,
  path: Path,
  namespace: string,
  told: Told,
): (Rule & { readonly action: A })[] {
  const section = action === 'deny' ? (`${direction}Deny` as const) : direction
  const side = direction === 'ingress' ? 'from' : 'to'
  const { refuse } = told
  const context = { ...told, namespace, denies: action === 'deny' }
  return (spec[section] ?? []).map((wire, index) => {
    const at = [...path, section, index]
    const rule: CiliumRule = wire ?? {}
    if ((rule[`${side}Requires`] ?? []).length > 0)
      refuse([...at, `${side}Requires`], `${side}Requires is no longer there`)
    const toPorts = rule.toPorts ?? []
    const isIcmp = (rule.icmps ?? []).length > 0
    if (isIcmp && toPorts.length > 0) refuse(at, 'icmps and toPorts in one rule')
    const entries = ciliumPortEntries(toPorts, [...at, 'toPorts'], direction, context.denies, told)
    const listed = ciliumPeers(rule, side, at, context)
    // Neither peers nor ports: nothing.
    const anybody: Peer[] = toPorts.length > 0 ? [{ as: 'pods', box: new Map(), outside: true, path: at }] : []
    return {
      action,
      index,
      order: action === 'deny' ? Number.NEGATIVE_INFINITY : ordinaryOrder,
      path: at,
      peers: listed ?? anybody,
      entries,
      ports: toPorts.length > 0 ? uniteEntries(entries) : isIcmp ? noPort : everyPort,
    }
  })
}
