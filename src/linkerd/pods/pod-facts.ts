import { type Cache, createCache } from '../../core/cache.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { containersOf, type PodKind, type PodTemplate, podKinds, podTemplateOf } from '../../k8s/pod-template.ts'
import { annotationOf, describe, labelsOf, type Resource } from '../../k8s/resource.ts'
import type { Labels } from '../../k8s/selector.ts'
import type { PodSpec } from '../../k8s/spec-shapes.ts'
import { allPorts, formatPorts, noPorts, type PortSet, portsOf, portUnion } from '../../policy/port-set.ts'
import { annotations, injectedLabels, proxyContainerName, proxyListenVariables } from '../facts.ts'
import { portsByGo } from '../port-list.ts'
import { podList } from '../protocols/opaque-ports.ts'
import { redirectsEveryPort } from '../settings.ts'
import { controlPlanesOf, isMeshed, type Meshed, type MeshView, namespaceOf } from './meshed.ts'
import { mayHoldPods } from './pod-addresses.ts'

/** What matters of a Pod, or of all Pods of a template, for the question on which port it is reached. */
export interface PodFacts {
  /** In one namespace, the same for Pods that share everything below but their names. */
  readonly key: string
  /** `Deployment shop/web`; undefined for Pods that are only imagined. */
  readonly name: string | undefined
  readonly namespace: string
  /** With the labels that the injector adds where the Pod is, or may be, meshed. */
  readonly labels: Labels
  /** A label still holds `${VAR}`. */
  readonly unknownLabels: boolean
  readonly meshed: Meshed
  readonly hostNetwork: boolean
  /** Where the proxy takes meshed traffic. */
  readonly inboundPort: number
  /** Ports of this Pod that its proxy never takes from clients: its own, DNS, and `skip-inbound-ports`. */
  readonly bypassed: PortSet
  readonly skipOutbound: PortSet
  /** It reaches addresses in which Pods may live past its proxy (`skip-subnets`). */
  readonly skipsPods: boolean
  /** Opaque for those who dial it (destination's list). Everything, where that does not matter. */
  readonly opaque: PortSet
  /** TCP ports of regular containers by name: those of init containers are not resolved by network plugins. */
  readonly named: ReadonlyMap<string, readonly number[]>
  readonly declared: PortSet
  /** How many Pods these are. */
  readonly replicas: 'one' | 'many' | 'unsaid'
  /** An annotation that counts here still holds `${VAR}`. */
  readonly unknown: boolean
}

/** Facts of a Pod or of a workload's Pods. */
export function podFactsOf(resource: Resource<PodKind>, view: MeshView): PodFacts {
  const template = podTemplateOf(resource)
  const meshed = isMeshed(template, resource.namespace, view)
  const named = new Map<string, number[]>()
  const declared: number[] = []
  for (const { container, init } of containersOf(template.spec))
    for (const port of container.ports ?? []) {
      if ((port?.protocol ?? 'TCP') !== 'TCP' || typeof port?.containerPort !== 'number') continue
      declared.push(port.containerPort)
      if (!init && port.name) named.set(port.name, [...(named.get(port.name) ?? []), port.containerPort])
    }
  const own = labelsOf(template.metadata)
  const { share, shareNames } = view.around().derive(startSharing)
  return {
    ...factsFrom(template, resource.namespace, view, (name) => named.get(name) ?? []),
    key: describe(resource),
    name: describe(resource),
    meshed,
    labels: meshed === 'no' ? own : injectedLabels(own, resource, controlPlanesOf(view)[0]),
    unknownLabels: Object.values(own).some(isUnresolved),
    replicas: replicasOf(resource),
    hostNetwork: template.spec.hostNetwork === true,
    named: shareNames(named),
    declared: share(portsOf(declared)),
  }
}

function replicasOf(resource: Resource<PodKind>): PodFacts['replicas'] {
  switch (resource.kind) {
    case 'Pod':
      return 'one'
    case 'Deployment':
    case 'StatefulSet':
    case 'ReplicaSet':
    case 'ReplicationController': {
      const { replicas } = resource.spec
      if (replicas === undefined || replicas === null) return 'unsaid'
      return typeof replicas === 'number' && replicas <= 1 ? 'one' : 'many'
    }
    default:
      return 'many'
  }
}

/** Facts of an ordinary Pod in a namespace: one nobody has seen, which says nothing of itself. */
export function imaginedPodIn(namespace: string, meshed: Meshed, view: MeshView): PodFacts {
  return { ...view.deriveFor(namespace, imaginePod), meshed }
}

function imaginePod(view: MeshView, namespace: string): Omit<PodFacts, 'meshed'> {
  const template = { metadata: {}, spec: {}, path: [] }
  return {
    ...factsFrom(template, namespace, view, () => []),
    key: '',
    name: undefined,
    labels: {},
    unknownLabels: false,
    replicas: 'many',
    hostNetwork: false,
    named: new Map(),
    declared: noPorts,
  }
}

/** No proxy takes it from clients. */
export const dnsPort = 53

type FromAnnotations = Omit<
  PodFacts,
  'key' | 'name' | 'meshed' | 'labels' | 'unknownLabels' | 'replicas' | 'hostNetwork' | 'named' | 'declared'
>

/**
 * The effective annotation is the Pod's own, else the namespace's, which the injector copies. Of a proxy that is there the
 * controller asks the proxy itself.
 */
function factsFrom(
  template: PodTemplate,
  namespace: string,
  view: MeshView,
  named: (name: string) => readonly number[],
): FromAnnotations {
  const { metadata, spec } = template
  const inherited = namespaceOf(view, namespace)?.metadata
  let unknown = false
  const effective = (key: string): string | undefined => {
    const value = annotationOf(metadata, key) ?? annotationOf(inherited, key)
    if (isUnresolved(value)) unknown = true
    return value
  }
  const portOf = (name: keyof typeof proxyListenVariables, fallback: number): number => {
    const listening = listeningPort(spec, proxyListenVariables[name])
    if (listening !== undefined) return listening
    const value = effective(annotations[`${name}Port`])
    return value !== undefined && /^\d{1,5}$/.test(value) ? Number(value) : fallback
  }
  const listOf = (key: string): PortSet => portsByGo(effective(key) ?? '', named)
  const { settings } = view
  const inboundPort = portOf('inbound', settings.inboundPort)
  const adminPort = portOf('admin', settings.adminPort)
  const controlPort = portOf('control', settings.controlPort)
  const opaque = redirectsEveryPort(settings) ? undefined : podList(template, namespace, view)
  if (opaque?.unknown === true) unknown = true
  const skippedSubnets = (effective(annotations.skipSubnets) ?? '').split(',')
  const own = [dnsPort, inboundPort, adminPort, controlPort, settings.adminPort, settings.controlPort]
  const { share } = view.around().derive(startSharing)
  const facts = {
    namespace,
    inboundPort,
    bypassed: share(portUnion(portsOf(own), listOf(annotations.skipInboundPorts))),
    skipOutbound: share(listOf(annotations.skipOutboundPorts)),
    skipsPods: skippedSubnets.some((cidr) => mayHoldPods({ cidr, except: [] }, settings)),
    opaque: redirectsEveryPort(settings) ? allPorts : share(portsByGo(opaque?.value ?? settings.opaquePorts, named)),
  }
  return { ...facts, unknown }
}

/** Of equal sets, one: most Pods differ in none, and there are many. */
function startSharing() {
  const sets: Cache<PortSet> = createCache()
  const names: Cache<PodFacts['named']> = createCache()
  return {
    share: (ports: PortSet) => sets(formatPorts(ports), () => ports),
    shareNames: (named: PodFacts['named']) => names(namesKey(named), () => named),
  }
}

/** A text that Pods share only if they declare the same ports under the same names. */
export function namesKey(named: PodFacts['named']): string {
  let key = ''
  for (const [name, ports] of named) key += `|${name}=${ports.join(',')}`
  return key
}

/** The port of an address the Pod's proxy listens on (`0.0.0.0:4143`, `[::]:4143`), if the proxy is there and says so. */
function listeningPort(spec: PodSpec, variable: string): number | undefined {
  for (const { container } of containersOf(spec)) {
    if (container.name !== proxyContainerName) continue
    const value = container.env?.find((one) => one?.name === variable)?.value ?? ''
    const port = /^(?:[\d.]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(value)?.[1]
    if (port !== undefined) return Number(port)
  }
  return undefined
}

/** Every Pod and template of a namespace; of Pods that do not differ, one for all. */
export function podsIn(namespace: string, view: MeshView): readonly PodFacts[] {
  return view.deriveFor(namespace, findPods).all
}

interface Found {
  readonly all: readonly PodFacts[]
  readonly byGroup: ReadonlyMap<PodGroup, PodFacts>
}

function findPods(view: MeshView, namespace: string): Found {
  const around = view.around()
  // Only where the subject of a review is concerned does anything differ from the cluster as it is.
  const sameHome = around !== view && namespaceOf(around, namespace) === namespaceOf(view, namespace)
  const known = sameHome ? around.deriveFor(namespace, findPods).byGroup : undefined
  const byGroup = new Map<PodGroup, PodFacts>()
  for (const group of view.deriveFor(namespace, groupPods)) {
    byGroup.set(group, known?.get(group) ?? factsOf(group, view))
  }
  return { all: [...byGroup.values()], byGroup }
}

function factsOf({ key, members }: PodGroup, view: MeshView): PodFacts {
  const facts = podFactsOf(members[0], view)
  return { ...facts, key, replicas: members.length > 1 ? 'many' : facts.replicas }
}

/** Pods that do not differ in what they say of themselves, but for their names. */
interface PodGroup {
  readonly key: string
  readonly members: readonly [Resource<PodKind>, ...Resource<PodKind>[]]
}

function groupPods(view: MeshView, namespace: string): readonly PodGroup[] {
  const around = view.around()
  if (around === view) return groupAnew(view, namespace)
  let groups = around.deriveFor(namespace, groupPods)
  for (const kind of podKinds) {
    const before = around.inNamespace<PodKind>(kind, namespace)
    const now = view.inNamespace<PodKind>(kind, namespace)
    // The same but for the subject, which comes last and takes the place of another one.
    let next = 0
    for (const one of before)
      if (now[next] === one) next++
      else groups = groups.flatMap((group) => without(group, one))
    const added = now.slice(next).map((one): PodGroup => ({ key: describe(one), members: [one] }))
    if (added.length > 0) groups = [...groups, ...added]
  }
  return groups
}

function groupAnew(view: MeshView, namespace: string): readonly PodGroup[] {
  const groups = new Map<string, PodGroup & { readonly members: Resource<PodKind>[] }>()
  for (const kind of podKinds)
    for (const resource of view.inNamespace<PodKind>(kind, namespace)) {
      const key = keyOf(resource)
      const group = groups.get(key)
      if (group) group.members.push(resource)
      else groups.set(key, { key, members: [resource] })
    }
  // Exact arrays: one that was pushed to keeps room for sixteen more.
  return Array.from(groups.values(), ({ key, members: [first, ...others] }) => ({ key, members: [first, ...others] }))
}

function without(group: PodGroup, gone: Resource<PodKind>): PodGroup[] {
  if (!group.members.includes(gone)) return [group]
  const [first, ...others] = group.members.filter((one) => one !== gone)
  return first ? [{ key: group.key, members: [first, ...others] }] : []
}

/** Namespaces in which there are Pods or templates. */
export function namespacesWithPods(view: MeshView): ReadonlySet<string> {
  return new Set(podKinds.flatMap((kind) => [...view.namespacesWith(kind)]))
}

/** Of a snapshot that shares equal parts, Pods of one template have one key. Where nothing is shared, each has its own. */
function keyOf(resource: Resource<PodKind>): string {
  if (resource.kind !== 'Pod') return String(identityOf(resource))
  const { labels, annotations: own, creationTimestamp } = resource.metadata
  return `${identityOf(labels)} ${identityOf(own)} ${identityOf(resource.spec)} ${creationTimestamp ? 1 : 0}`
}

const identities = new WeakMap<object, number>()
let lastIdentity = 0

/** A number for an object that no other one has. */
function identityOf(object: object | null | undefined): number {
  if (object === null || object === undefined) return 0
  let identity = identities.get(object)
  if (identity === undefined) identities.set(object, (identity = ++lastIdentity))
  return identity
}
