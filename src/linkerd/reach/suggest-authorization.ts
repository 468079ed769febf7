import { isObject, valueAt } from '../../k8s/json.ts'
import { kinds } from '../../k8s/kinds.ts'
import { podTemplateOf } from '../../k8s/pod-template.ts'
import { selects } from '../../k8s/selector.ts'
import { hasPort, portDifference, portsOf, portUnion } from '../../policy/port-set.ts'
import { portsByGo } from '../port-list.ts'
import { podList } from '../protocols/opaque-ports.ts'
import type { ReachView } from './reach-ends.ts'
import type { Workload } from './reach-workloads.ts'
import type { Link } from './reachability.ts'
import type { Basis, Suggestion } from './suggestion.ts'

const { group } = kinds.Server

/**
 * What gives back, once the mesh's port is open, the authorization by port that the network policies had: a Server for each
 * port of a workload, and who may use it by the identity of its ServiceAccount. One identity can be required directly; of
 * several, an AuthorizationPolicy would require all, so that a MeshTLSAuthentication holds them, of which any will do.
 * (linkerd2 policy-controller/k8s/api/src/policy; https://linkerd.io/2/reference/authorization-policy/)
 */
export function suggestAuthorization({ world, links, broken }: Basis, view: ReachView): Suggestion[] {
  const targets = new Map(broken.flatMap(({ to }) => to.map((workload) => [workload.name, workload])))
  const isolated = new Set(
    world.ends
      .filter(({ sides }) => sides.ingress.isolated)
      .flatMap(({ workloads }) => workloads.map(({ name }) => name)),
  )
  const everybody = world.ends.flatMap(({ workloads }) => workloads)
  return [...targets.values()].map((target) => {
    if (!isolated.has(target.name))
      return {
        objects: [],
        remarks: [
          `${target.name}: no policy restricts who connects to it, so there is nothing to restore; a Server would shut out clients that reach it today`,
        ],
      }
    const reaching = links.filter(({ to }) => to.some(({ name }) => name === target.name))
    return suggestFor(target, reaching, everybody, view)
  })
}

function suggestFor(
  target: Workload,
  links: readonly Link[],
  everybody: readonly Workload[],
  view: ReachView,
): Suggestion {
  const { pod, namespace } = target
  const named = links.flatMap(({ ports }) => ports.filter(([first, last]) => first === last).map(([first]) => first))
  const proxied = portDifference(
    portUnion(pod.declared, portsOf(named)),
    portUnion(pod.bypassed, portsOf([pod.inboundPort])),
  )
  const remarks = [
    `${target.name}: who may use which port, as the network policies say it. A Server refuses whoever is not authorized, also clients outside the mesh`,
  ]
  const objects: Readonly<Record<string, unknown>>[] = []
  const opaque = opaquePorts(target, view)
  for (const [first, last] of proxied)
    for (let port = first; port <= last; port++) {
      if (hasServer(target, port, view)) {
        remarks.push(`port ${port} has a Server already; add what it lacks`)
        continue
      }
      const clients = links.filter(({ ports }) => hasPort(ports, port)).flatMap(({ from }) => from)
      const unmeshed = clients.filter((client) => client.pod.meshed === 'no')
      for (const { name } of unmeshed)
        remarks.push(
          `port ${port}: ${name} is not meshed, and would be refused; mesh it, or add a NetworkAuthentication`,
        )
      const accounts = accountsOf(clients.filter((client) => client.pod.meshed !== 'no'))
      for (const account of accounts) {
        const other = everybody.find((one) => !clients.includes(one) && isSame(accountOf(one), account))
        if (other)
          remarks.push(
            `port ${port}: ServiceAccount ${account.namespace}/${account.name} also lets ${other.name} in; give those who may a ServiceAccount of their own`,
          )
      }
      const name = objectName(target, port)
      objects.push(
        {
          apiVersion: `${group}/v1beta3`,
          kind: 'Server',
          metadata: { name, namespace },
          spec: {
            podSelector: { matchLabels: ownLabels(target) },
            port,
            // A Server that does not say so takes the port out of the opaque ones.
            ...(hasPort(opaque, port) && { proxyProtocol: 'opaque' }),
          },
        },
        ...authorize(name, namespace, accounts),
      )
    }
  return { remarks, objects }
}

interface Account {
  readonly namespace: string
  readonly name: string
}

function authorize(name: string, namespace: string, accounts: readonly Account[]): Readonly<Record<string, unknown>>[] {
  const [only, ...more] = accounts.map((account) => ({ kind: 'ServiceAccount', ...account }))
  if (!only) return []
  const policy = (required: object) => ({
    apiVersion: `${group}/v1alpha1`,
    kind: 'AuthorizationPolicy',
    metadata: { name, namespace },
    spec: { targetRef: { group, kind: 'Server', name }, requiredAuthenticationRefs: [required] },
  })
  if (more.length === 0) return [policy(only)]
  const authentication = {
    apiVersion: `${group}/v1alpha1`,
    kind: 'MeshTLSAuthentication',
    metadata: { name, namespace },
    spec: { identityRefs: [only, ...more] },
  }
  return [authentication, policy({ group, kind: 'MeshTLSAuthentication', name })]
}

function accountsOf(clients: readonly Workload[]): Account[] {
  const accounts = clients.map(accountOf)
  return [...new Map(accounts.map((account) => [JSON.stringify(account), account])).values()]
}

function accountOf({ namespace, resource }: Workload): Account {
  return { namespace, name: podTemplateOf(resource).spec.serviceAccountName || 'default' }
}

function isSame(left: Account, right: Account): boolean {
  return left.namespace === right.namespace && left.name === right.name
}

/** `web-8080`, of what names may hold. */
function objectName({ name }: Workload, port: number): string {
  const own = name.slice(name.lastIndexOf('/') + 1).toLowerCase()
  const clean = own.replaceAll(/[^a-z0-9-]+/g, '-').slice(0, 200)
  return `${clean.replaceAll(/^-+|-+$/g, '') || 'workload'}-${port}`
}

/** What its own controller knows its Pods by, or all their labels. */
function ownLabels({ resource }: Workload): Readonly<Record<string, unknown>> {
  const selector = valueAt(resource.wire, ['spec', 'selector', 'matchLabels'])
  const labels = isObject(selector) ? selector : (podTemplateOf(resource).metadata.labels ?? {})
  return Object.fromEntries(Object.entries(labels).filter(([key]) => key !== 'pod-template-hash'))
}

function opaquePorts({ pod, namespace, resource }: Workload, view: ReachView) {
  const list = podList(podTemplateOf(resource), namespace, view)
  return portsByGo(list?.value ?? view.settings.opaquePorts, (name) => pod.named.get(name) ?? [])
}

function hasServer({ pod, namespace }: Workload, port: number, view: ReachView): boolean {
  return view
    .inNamespace('Server', namespace)
    .filter(({ spec }) => spec.podSelector != null && selects(spec.podSelector, pod.labels))
    .some(
      ({ spec }) => spec.port === port || (typeof spec.port === 'string' && pod.named.get(spec.port)?.includes(port)),
    )
}
