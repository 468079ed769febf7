import type { Fix } from '../core/edit.ts'
import type { Confidence, Severity } from '../core/finding.ts'
import { isObject, type Json, own, type Path, valueAt } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { type AddressGap, addressGaps } from '../linkerd/address-gaps.ts'
import { meantPorts } from '../linkerd/meant-ports.ts'
import { isServedInMesh, isTargeted } from '../linkerd/mesh-summary.ts'
import { selectedBy, translated } from '../linkerd/policy-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import { type Doubt, type GapView, gapReads, type WirePortGap, wirePortGaps } from '../linkerd/wire-port-gaps.ts'
import type { PortSet } from '../policy/port-set.ts'

export const networkPolicyOmitsProxyPort = defineRule({
  id: 'network-policy-omits-proxy-port',
  severity: 'error',
  judges: 'both',
  summary: 'A policy that lets meshed Pods talk must also open the port on which the mesh really connects.',
  why: `Since Linkerd 2.18, a connection between two meshed Pods arrives on the inbound port of the server's proxy (TCP 4143), whatever port the application
named; up to 2.17, and in \`transparent\` mode, that holds for opaque ports. A NetworkPolicy is applied to what is on the wire. If it opens 8080 and not 4143, an unmeshed
client gets through and a meshed one does not: HTTP answers 504 after 3 seconds and then 503, gRPC status 4 and then 14, and a TCP connection is closed
after a second without a line in any log. Probes stay green, since the kubelet is outside the mesh.

What counts is the union of all policies that select the Pod, per direction: a policy beside this one may grant 4143, to all its peers or to some.`,
  remediation:
    'Add TCP 4143 beside the application port, and keep the application port for clients outside the mesh: ingress controllers, the API server, probes. ' +
    'Opening 4143 to a peer opens every port of the Pod that goes through the proxy; restrict it again with a Server and an AuthorizationPolicy.',
  limits: `A finding is an error when target and peer are both known to be meshed, a warning when one of them is, and information when neither is: give the Namespaces and
workloads in the same run, or say \`--assume-meshed\`. It is information, too, while a value that is not filled in yet (\`\${VAR}\`) may settle it. Whether an \`ipBlock\` matches Pods depends on the network plugin, so it is never more than a warning, and so is a
finding where another policy opens the port to addresses of Pods. Ports that skip the
proxy, DNS, the proxy's own ports and the control plane's are left alone. The port name \`linkerd-proxy\` counts as the port, although some plugins do not resolve it for native
sidecars. Cilium enforces rules of a direction that \`policyTypes\` does not name; this rule follows Kubernetes, which ignores them.`,
  sources: [
    'https://linkerd.io/2/common-errors/network-policy/',
    'https://github.com/linkerd/linkerd2/issues/15246',
    'linkerd2 controller/api/destination/endpoint_translator.go (edge-26.8)',
    'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  ],
  messages: {
    omitted:
      'TCP {{proxyPort}} is missing beside {{ports}}: {{client}} cannot reach {{server}}{{certainty}}. Between meshed Pods Linkerd connects on {{proxyPort}}, which no policy {{scope}}allows here; add it, and keep {{ports}} for clients outside the mesh',
    'cidr-may-cover-pods':
      'TCP {{proxyPort}} is missing beside {{ports}} for {{cidr}}, where Pods may live: if the network plugin matches Pods by address, meshed Pods cannot connect with {{target}}, since Linkerd connects on {{proxyPort}}',
  },
  reads: gapReads,
  check: {
    *NetworkPolicy(policy, view) {
      const gaps = Map.groupBy(wirePortGaps(policy, view), (gap) => gap.rule.path.join('/'))
      for (const found of gaps.values()) {
        const gap = found.reduce((best, next) => (rank(next) < rank(best) ? next : best))
        const anywhere = likelyExternal(gap, view)
        const confidence = anywhere ? (anywhere === 'warning' ? 'medium' : 'low') : gap.confidence
        yield {
          message: 'omitted',
          path: gap.path,
          data: {
            proxyPort: gap.proxyPort,
            ports: gap.ports,
            client: gap.client,
            server: gap.server,
            certainty: gap.doubt === undefined ? '' : certainties[gap.doubt],
            scope: view.scope === 'cluster' ? '' : 'in the files given ',
          },
          confidence,
          severity: severityOf[confidence],
          // What may well be meant for the outside is for a person to decide.
          fix: confidence === 'low' ? undefined : fixFor(policy, found, gap, view),
        }
      }
      for (const gap of addressGaps(policy, view))
        if (!gaps.has(gap.rule.path.join('/'))) {
          const { proxyPort, ports, cidr, target, path } = gap
          const external = gap.direction === 'egress' && isWebOnly(numbersOf(gap))
          yield {
            message: 'cidr-may-cover-pods',
            path,
            data: { proxyPort, ports, cidr, target },
            confidence: external ? 'low' : 'medium',
            severity: external ? 'info' : 'warning',
          }
        }
    },
  },
})

const severityOf: Readonly<Record<Confidence, Severity>> = { high: 'error', medium: 'warning', low: 'info' }

const certainties: Readonly<Record<Doubt, string>> = {
  mesh: ', if both are meshed',
  addresses: ', unless the network plugin matches Pods by address',
  existence: ', should both exist and be meshed',
  value: ', unless what is not known here allows it',
  size: ', unless the policies together allow it, which are too many to tell',
}

/** The surest first; of equal ones, Pods that are known, and two that differ. */
function rank({ confidence, target, client, server }: WirePortGap): number {
  const known = [client, server].filter((name) => /^[A-Z]/.test(name)).length
  const surest = ['high', 'medium', 'low'].indexOf(confidence)
  return surest * 10 + (target.box === undefined ? 0 : 4) + (client === server ? 2 : 0) + (2 - known)
}

/**
 * Egress to everybody on nothing but web ports is nearly always meant for the internet or the API server. It is worth more
 * than a hint only when some meshed Pod serves such a port, or a Service leads to one.
 */
function likelyExternal(gap: WirePortGap, view: GapView): 'info' | 'warning' | undefined {
  if (gap.direction !== 'egress' || !gap.rule.peers.every((peer) => peer.as === 'pods' && peer.outside))
    return undefined
  if (!isWebOnly(gap.numbers) || gap.rule.ports.names.length > 0) return undefined
  return isServedInMesh(gap.numbers, view) || isTargeted(gap.numbers, view) ? 'warning' : 'info'
}

function isWebOnly(numbers: PortSet): boolean {
  return numbers.length > 0 && numbers.every(([from, to]) => from === to && [80, 443, 6443].includes(from))
}

function numbersOf(gap: AddressGap): PortSet {
  return gap.rule.ports.names.length > 0 ? [] : gap.rule.ports.numbers
}

/**
 * Opens the proxy's port to the same peers and nobody else. A rule that also has address ranges gets a rule of its own for
 * its selectors: the ranges do not need the port. A rule by port name is only changed when it gives an application's port of
 * every Pod it is about: the number would grant others what they did not have.
 */
function fixFor(
  policy: Resource<'NetworkPolicy'>,
  found: readonly WirePortGap[],
  gap: WirePortGap,
  view: GapView,
): Fix | undefined {
  const { rule, direction } = gap
  if (rule.ports.names.length > 0 && !opensEveryTarget(policy, gap, view)) return undefined
  const ports = [...new Set(found.map((one) => one.proxyPort))].toSorted((a, b) => a - b)
  const entries = ports.map((port) => ({ port, protocol: 'TCP' }))
  const others = found.some(({ client, server }) => client !== gap.client || server !== gap.server)
  const opened = `every port of ${gap.server} that goes through the proxy to ${gap.client}${others ? ', and likewise for others' : ''}`
  const title = `add TCP ${ports.join(', ')}; it opens ${opened}: restrict with a Server and an AuthorizationPolicy`
  if (!rule.peers.some((peer) => peer.as === 'addresses'))
    return { title, edits: entries.map((value) => ({ op: 'append', path: [...rule.path, 'ports'], value })) }

  const member = direction === 'ingress' ? 'from' : 'to'
  const selectors = selectorPeers(policy, [...rule.path, member])
  if (selectors.length === 0) return undefined
  return {
    title,
    edits: [{ op: 'append', path: rule.path.slice(0, -1), value: { [member]: selectors, ports: entries } }],
  }
}

/** Does the rule, which names a port, give an application's port of every Pod that the proxy's port would be opened of? */
function opensEveryTarget(policy: Resource<'NetworkPolicy'>, { rule, numbers, direction }: WirePortGap, view: GapView) {
  const targets = selectedBy(translated(policy), view).filter((pod) => !pod.hostNetwork)
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
