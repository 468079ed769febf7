import type { Fix } from '../core/edit.ts'
import type { Json, Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { proxyPortNames } from '../linkerd/facts.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { formsOf, type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { type Subject, subjectsOf } from '../linkerd/policies/policy-world.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { uncovered } from '../policy/box.ts'
import type { AllowRule, Direction } from '../policy/policy.ts'
import { hasPort } from '../policy/port-set.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyNamesProxyPort = defineRule({
  id: 'network-policy-names-proxy-port',
  severity: 'error',
  judges: 'both',
  summary: "A policy must open the proxy's port by its number, not by the name linkerd-proxy.",
  why: `The injected proxy declares a port named \`linkerd-proxy\`. Since Linkerd 2.20 the proxy is a native sidecar, that is an init container, and a network plugin that resolves names of
regular containers only finds no such port: the entry grants nothing, and meshed clients run into a timeout. Cilium 1.20 is one of them; Calico and Kube-OVN resolve
it in their newer releases.`,
  remediation: 'Write TCP 4143 beside the name, or in its place.',
  limits: `It is an error in policies of Cilium, a warning in others, and information where nobody knows whether the Pods are meshed. It is silent where native sidecars are off
(\`linkerd.nativeSidecar\`, or a release before 2.20), where the Pod at hand has its proxy among its regular containers, and where the number is granted to the same peers as well.`,
  sources: [
    'cilium pkg/k8s/labels.go GetPodMetadata (1.20)',
    'https://github.com/projectcalico/calico/issues/8881',
    'linkerd2 charts/linkerd-control-plane/values.yaml proxy.nativeSidecar (edge-26.8)',
  ],
  messages: {
    unresolved:
      'port {{name}} grants nothing {{where}}: with native sidecars the proxy of {{target}} is an init container. Write {{proxyPort}}',
  },
  reads: policyReads,
  check: everyPolicy(reports),
  elsewhere: policiesElsewhere('names-proxy-port', 'siblings'),
})

function* reports(resource: Resource<PolicyKind>, view: PolicyView) {
  if (!isNativeByDefault(view.settings)) return
  const isCilium = resource.kind === 'CiliumNetworkPolicy' || resource.kind === 'CiliumClusterwideNetworkPolicy'
  for (const policy of formsOf(resource, view))
    for (const direction of ['ingress', 'egress'] as const)
      for (const rule of policy.directions[direction].rules) {
        const entry = rule.entries.find(({ ports }) => ports.names.includes(proxyPortNames.inbound))
        if (!entry) continue
        const subject = firstWithout(subjectsOf(policy, view), rule, direction, view)
        if (!subject) continue
        const proxyPort = portOf(subject, direction, view)
        const sure = subject.pod.meshed === 'yes'
        yield {
          message: 'unresolved',
          path: entry.path,
          data: {
            name: proxyPortNames.inbound,
            where: isCilium ? 'in Cilium' : 'where the network plugin resolves names of regular containers only',
            target: direction === 'ingress' ? subject.text : 'the servers',
            proxyPort,
          },
          confidence: !sure ? 'low' : isCilium ? 'high' : 'medium',
          severity: !sure ? 'info' : isCilium ? 'error' : 'warning',
          fix: fixFor(resource, rule, proxyPort),
        } as const
      }
}

/** Helm `proxy.nativeSidecar`, as far as no annotation says otherwise. */
function isNativeByDefault({ minor, nativeSidecar }: LinkerdSettings): boolean {
  return nativeSidecar === 'by-release' ? minor >= 20 : nativeSidecar === 'enabled'
}

/** The first Pod for which the name stands for nothing, and that nobody gives the number; a meshed one, if there is any. */
function firstWithout(
  subjects: Iterable<Subject>,
  rule: AllowRule,
  direction: Direction,
  view: PolicyView,
): Subject | undefined {
  let first: Subject | undefined
  for (const subject of subjects) {
    if (direction === 'ingress' && subject.pod.named.has(proxyPortNames.inbound)) continue
    if (isNumbered(rule, subject, direction, portOf(subject, direction, view))) continue
    if (subject.pod.meshed === 'yes') return subject
    first ??= subject
  }
  return first
}

function portOf({ pod }: Subject, direction: Direction, { settings }: PolicyView): number {
  return direction === 'ingress' ? pod.inboundPort : settings.inboundPort
}

/** Is the number granted to all the rule's peers, by this rule or others? */
function isNumbered(rule: AllowRule, { policies }: Subject, direction: Direction, port: number): boolean {
  const granting = policies
    .flatMap(({ policy }) => policy.directions[direction].rules)
    .filter(({ ports }) => hasPort(ports.numbers, port))
  if (granting.includes(rule)) return true
  const boxes = granting.flatMap(({ peers }) => peers).flatMap((peer) => (peer.as === 'pods' ? [peer.box] : []))
  return rule.peers.every((peer) => peer.as === 'pods' && uncovered(peer.box, boxes) === undefined)
}

function fixFor({ kind }: Resource<PolicyKind>, { path }: AllowRule, port: number): Fix | undefined {
  const at = (steps: Path, value: Json): Fix => {
    return { title: `add TCP ${port}`, edits: [{ op: 'append', path: [...path, ...steps], value }] }
  }
  switch (kind) {
    case 'NetworkPolicy':
      return at(['ports'], { port, protocol: 'TCP' })
    case 'CiliumNetworkPolicy':
    case 'CiliumClusterwideNetworkPolicy':
      return at(['toPorts'], { ports: [{ port: String(port), protocol: 'TCP' }] })
    case 'CalicoNetworkPolicy':
    case 'CalicoGlobalNetworkPolicy':
      return at(['destination', 'ports'], port)
    default:
      return undefined
  }
}
