import { snapshotOf } from '../../src/core/snapshot.ts'
import { viewOf } from '../../src/core/view.ts'
import { podTemplateOf } from '../../src/k8s/pod-template.ts'
import { annotationOf, labelsOf, type Resource, readResource } from '../../src/k8s/resource.ts'
import { annotations, labels } from '../../src/linkerd/facts.ts'
import { hasMeshLabel, isMeshed } from '../../src/linkerd/pods/meshed.ts'
import { endpointOf, inboundOf, inboundReads } from '../../src/linkerd/protocols/inbound-protocol.ts'
import { podList, podSideOf, serviceList } from '../../src/linkerd/protocols/opaque-ports.ts'
import { type Outbound, outboundByName, outboundOf } from '../../src/linkerd/protocols/outbound-protocol.ts'
import { endpointsOf } from '../../src/linkerd/protocols/service-endpoints.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { compareRecords } from './records.ts'

/*
 * node test/oracle/protocol.ts FILE…: in recorded worlds (`protocol`), does each component tell proxies what our model says?
 * From the objects as written we predict, and compare with every answer there is:
 *
 * - the list that the injector left on each Pod and Service, and whether it injected the Pod;
 * - per Service port: the policy controller's protocol and routes, asked by address and by name; destination's profile, and
 *   every endpoint (port, hint, where it is dialled, mTLS);
 * - per Pod port: the policy controller's protocol, Server, routes and authorizations; destination's profile and endpoint.
 *
 * Routes are taken to be created in the order of their names: when was not recorded.
 */

let answers = 0

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { namespace, objects, answer } = record as Record<string, any>
  const view = viewOf(
    snapshotOf(resourcesOf(namespace, objects, answer), 'input'),
    [...inboundReads, 'Service'],
    defaultSettings,
    'declared',
  )
  const ours: Record<string, unknown> = {}
  const theirs: Record<string, unknown> = {}
  const compare = (what: string, one: unknown, other: unknown) => {
    answers++
    if (JSON.stringify(one) === JSON.stringify(other)) return
    ours[what] = one
    theirs[what] = other
  }

  const services = new Map(view.all('Service').map((service) => [service.name, service]))
  const pods = new Map(view.all('Pod').map((pod) => [pod.name, pod]))
  for (const [name, pod] of pods) {
    const template = podTemplateOf(pod)
    const told = answer.admitted[`Pod/${name}`]
    compare(`Pod/${name} list`, podList(template, namespace.name, view)?.value ?? null, told.opaquePorts ?? null)
    // The label without a proxy is what the controllers go by, and what the container does not show.
    if (!labelsOf(pod.metadata)[labels.controlPlaneNamespace])
      compare(`Pod/${name} injected`, isMeshed(template, namespace.name, view) === 'yes', told.injected)
  }
  for (const [name, service] of services) {
    const told = answer.admitted[`Service/${name}`]
    const list = serviceList(service, view).value
    const ownOrWritten = told.opaquePorts ?? defaultSettings.opaquePorts
    compare(`Service/${name} list`, annotationOf(service.metadata, annotations.opaquePorts) ?? list, ownOrWritten)
  }
  for (const told of answer.servicePorts) {
    const service = services.get(told.service)
    if (!service) throw new Error(`${record['id']}: no Service ${told.service}`)
    const what = `Service/${told.service}:${told.port}`
    const byAddress = outboundOf(service, told.port, view)
    const byName = outboundByName(service, told.port, view)
    if (told.outbound) compare(`${what} outbound`, outboundInTheirs(byAddress), told.outbound)
    if (told.outboundByName) compare(`${what} outbound by name`, outboundInTheirs(byName), told.outboundByName)
    if (told.profile) compare(`${what} profile`, { opaque: byAddress.profile }, told.profile)
    const isExternal = service.spec.type === 'ExternalName'
    const error = { error: `3 Invalid authority: ${told.service}.${namespace.name}.svc.cluster.local:${told.port}` }
    if (told.profileByName)
      compare(
        `${what} profile by name`,
        isExternal && byAddress.port ? error : { opaque: byAddress.profile },
        told.profileByName,
      )
    const endpoints = endpointsOf(service, told.port, view)?.map(({ pod, ...endpoint }) => ({
      pod: pod.name,
      port: endpoint.port,
      ...endpointInTheirs(endpoint),
    }))
    compare(`${what} endpoints`, isExternal ? error : (endpoints ?? { error: 'no answer' }), told.endpoints)
  }
  for (const told of answer.podPorts) {
    const pod = pods.get(told.pod)
    if (!pod) throw new Error(`${record['id']}: no Pod ${told.pod}`)
    const template = podTemplateOf(pod)
    const what = `Pod/${told.pod}:${told.port}`
    const side = podSideOf(template, namespace.name, told.port, view)
    const { kind, server, routes, admits } = inboundOf(side, view)
    const inbound = {
      kind,
      server: server ? `server/${server.name}` : 'default/all-unauthenticated',
      ...(routes.length > 0 ? { routes: routes.map(routeInTheirs) } : {}),
      authorizations: admits === 'nobody' ? 0 : 1,
    }
    const meshed = hasMeshLabel(pod.metadata) || isMeshed(template, namespace.name, view) === 'yes'
    compare(`${what} inbound`, meshed ? inbound : { error: '5 unknown server' }, told.inbound)
    const endpoint = endpointOf(template, namespace.name, told.port, view)
    compare(
      `${what} profile`,
      endpoint ? { opaque: side.dialled, ...endpointInTheirs(endpoint) } : { error: 'no answer' },
      told.profile,
    )
  }
  return { ours, theirs }
})
console.log(`${answers} answers`)

/** The world with its Namespace, and when Servers were created, which says who wins. */
function resourcesOf(namespace: object, objects: readonly any[], { admitted }: any): Resource[] {
  const created = (object: any) => admitted[`${object.kind}/${object.metadata.name}`]?.created ?? null
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: namespace },
    ...objects.map((object) => ({
      ...object,
      metadata: { ...object.metadata, creationTimestamp: created(object) },
    })),
  ].map((object) => {
    const read = readResource(object)
    if (read.as !== 'resource') throw new Error(`${JSON.stringify(object)}: ${JSON.stringify(read)}`)
    return read.resource
  })
}

function endpointInTheirs({ hint, transport, identity }: Exclude<ReturnType<typeof endpointOf>, undefined>) {
  return { hint: hint ?? null, transport: transport ?? null, identity }
}

function outboundInTheirs({ kind, routes }: Outbound): object {
  if (kind === 'forbidden') return { kind: 'opaque', routes: [{ default: 'undefined-port', filters: ['forbidden'] }] }
  const own = routes.map(routeInTheirs)
  const bytes = [{ default: 'opaq' }]
  const requests = own.length > 0 ? own : [{ default: 'http' }]
  if (kind === 'detect') return { kind, http1: requests, http2: requests, opaque: bytes }
  if (kind === 'opaque') return { kind, routes: own.length > 0 ? own : bytes }
  return { kind, routes: requests }
}

function routeInTheirs({ wire, name }: Resource): object {
  return { kind: wire['kind'], name, group: String(wire['apiVersion']).split('/')[0] }
}
