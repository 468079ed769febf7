import { type PodKind, podTemplateOf } from '../../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { isMeshed } from '../pods/meshed.ts'
import { portsByGo } from '../port-list.ts'
import { redirectsEveryPort } from '../settings.ts'
import {
  type Client,
  type Experience,
  meshedExperience,
  outsideExperience,
  type ServerSide,
  type Traffic,
  unmeshedExperience,
} from './connection.ts'
import { type Identified, identifyProtocol } from './identify-protocol.ts'
import { endpointOf, type InboundView, inboundOf } from './inbound-protocol.ts'
import { podSideOf } from './opaque-ports.ts'
import { type Outbound, outboundOf } from './outbound-protocol.ts'
import { clientFacts, type PortFact, serverFacts } from './port-facts.ts'
import { clientsBypass } from './server-first-ports.ts'
import { endpointsOf } from './service-endpoints.ts'
import { targetOf } from './service-targets.ts'

/** The four ways to a port, as a person names them. */
export type PathName = 'P1' | 'P2' | 'P3' | 'P4'

const traffics = ['server-first', 'http', 'tls', 'bytes'] as const

/** What connections by one way experience, by what is sent. */
export interface PathStory {
  readonly path: PathName
  readonly who: string
  readonly experiences: readonly { readonly traffic: Traffic; readonly experience: Experience }[]
}

/** One server behind the port. */
export interface ServerStory {
  readonly pod: Resource<PodKind>
  readonly port: number
  /** What the software very likely speaks, and how that is known. */
  readonly identified: Identified | undefined
  readonly facts: readonly PortFact[]
  readonly paths: readonly PathStory[]
}

/** What each side knows of a Service's port, and what follows. */
export interface PortStory {
  readonly service: Resource<'Service'>
  readonly port: number
  readonly outbound: Outbound
  readonly client: readonly PortFact[]
  /** Empty: no server of this Service is known. */
  readonly servers: readonly ServerStory[]
  /** Ways that lead to no known server: outside the cluster, or to Pods nobody has seen. */
  readonly paths: readonly PathStory[]
}

/** Everything that is known of a Service's port, as far as Linkerd is concerned. */
export function portStoryOf(service: Resource<'Service'>, port: number, view: InboundView): PortStory {
  const outbound = outboundOf(service, port, view)
  const story = { service, port, outbound, client: [...clientFacts(service, port, outbound, view)] }
  if (service.spec.type === 'ExternalName')
    return { ...story, client: [], servers: [], paths: outsidePaths(port, view) }
  const servers = (endpointsOf(service, port, view) ?? []).map((found) =>
    serverStoryOf(found.pod, found.port, story, view),
  )
  return { ...story, servers, paths: [] }
}

function serverStoryOf(
  pod: Resource<PodKind>,
  port: number,
  { service, outbound, port: asked }: Pick<PortStory, 'service' | 'outbound' | 'port'>,
  view: InboundView,
): ServerStory {
  const template = podTemplateOf(pod)
  const side = podSideOf(template, pod.namespace, port, view)
  const inbound = inboundOf(side, view)
  const endpoint = endpointOf(template, pod.namespace, port, view)
  const meshed = isMeshed(template, pod.namespace, view) !== 'no'
  const server: ServerSide = {
    meshed,
    endpoint: endpoint ?? { hint: undefined, transport: undefined, identity: false },
    inbound,
    skipped: side.skipped,
  }
  const target = targetOf(outbound.port ?? { port }, template)
  const identified = target && identifyProtocol({ ...target, labels: labelsOf(template.metadata) }, view.settings)
  const paths: PathStory[] = []
  const tell = (path: PathName, who: string, experienceOf: (traffic: Traffic) => Experience, seen: boolean) =>
    paths.push({
      path,
      who,
      experiences: traffics.map((traffic) => {
        const experience = experienceOf(traffic)
        return { traffic, experience: seen ? experience : derived(experience) }
      }),
    })
  const { minor } = view.settings
  const dialled: Client = { kind: side.dialled ? 'opaque' : 'detect', profile: side.dialled, because: 'list' }
  if (service.spec.clusterIP !== 'None')
    tell(
      'P1',
      'a meshed client, by the Service',
      (traffic) =>
        clientsBypass(asked) ? unmeshedExperience(server, traffic) : meshedExperience(outbound, server, traffic),
      minor >= 18,
    )
  tell(
    'P2',
    'a meshed client, by the Pod itself (headless Service, Pod DNS)',
    (traffic) =>
      clientsBypass(port) ? unmeshedExperience(server, traffic) : meshedExperience(dialled, server, traffic),
    redirectsEveryPort(view.settings),
  )
  tell('P3', 'a client outside the mesh', (traffic) => unmeshedExperience(server, traffic), minor >= 18)
  return { pod, port, identified, facts: [...serverFacts(pod, port, side, inbound, view)], paths }
}

function derived(experience: Experience): Experience {
  const { later } = experience
  return { ...experience, observed: false, ...(later ? { later: derived(later) } : {}) }
}

function outsidePaths(port: number, { settings }: InboundView): PathStory[] {
  const listed = hasPort(portsByGo(settings.opaquePorts), port)
  const tell = (who: string, where: 'inside' | 'outside'): PathStory => ({
    path: 'P4',
    who,
    experiences: traffics.map((traffic) => ({
      traffic,
      experience: outsideExperience(listed, traffic)[where],
    })),
  })
  return [
    tell('a meshed client, if the name leads to a private address', 'inside'),
    tell('a meshed client, if the name leads to a public address', 'outside'),
  ]
}
