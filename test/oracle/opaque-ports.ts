import { snapshotOf } from '../../src/core/snapshot.ts'
import { viewOf } from '../../src/core/view.ts'
import { podTemplateOf } from '../../src/k8s/pod-template.ts'
import { annotationOf, labelsOf, type Resource, readResource } from '../../src/k8s/resource.ts'
import { annotations, labels } from '../../src/linkerd/facts.ts'
import { isMeshed } from '../../src/linkerd/meshed.ts'
import {
  forClients,
  opaqueReads,
  podList,
  podSideOf,
  serviceList,
  servicePortsNamed,
} from '../../src/linkerd/opaque-ports.ts'
import { portsByGo } from '../../src/linkerd/port-list.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { hasPort } from '../../src/policy/port-set.ts'
import { compareRecords } from './records.ts'

/*
 * node test/oracle/opaque-ports.ts FILE…: in recorded worlds (`protocol`), does each component take the same ports for
 * opaque as our model? From the objects as written we predict, and compare with every answer there is:
 *
 * - which list the injector left on each Pod and Service, and whether it injected the Pod;
 * - per Service port, whether the policy controller (outbound) and destination (profile) call it opaque;
 * - per Pod port, the same for the policy controller (inbound) and destination.
 *
 * A port that an accepted TCPRoute makes opaque is the one thing our model does not know yet: routes are no kind of it.
 */

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { namespace, objects, answer } = record as Record<string, any>
  const created = (object: any) => answer.admitted[`${object.kind}/${object.metadata.name}`]?.created
  const resources = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: namespace },
    ...objects.map((object: any) => ({
      ...object,
      metadata: { ...object.metadata, creationTimestamp: created(object) ?? null },
    })),
  ].flatMap((object) => {
    const read = readResource(object)
    return read.as === 'resource' ? [read.resource] : []
  })
  const view = viewOf(snapshotOf(resources, 'input'), [...opaqueReads, 'Service'], defaultSettings, 'declared')
  const ours: Record<string, unknown> = {}
  const theirs: Record<string, unknown> = {}
  const compare = (what: string, one: unknown, other: unknown) => {
    ours[what] = one
    theirs[what] = other
  }

  const services = new Map(view.all('Service').map((service) => [service.name, service]))
  const pods = new Map(view.all('Pod').map((pod) => [pod.name, pod]))
  for (const [name, pod] of pods) {
    const told = answer.admitted[`Pod/${name}`]
    compare(
      `Pod/${name} list`,
      podList(podTemplateOf(pod), namespace.name, view)?.value ?? null,
      told.opaquePorts ?? null,
    )
    // The label without a proxy is what the controllers go by, and what the container does not show.
    if (!labelsOf(pod.metadata)[labels.controlPlaneNamespace])
      compare(`Pod/${name} injected`, isMeshed(podTemplateOf(pod), namespace.name, view) === 'yes', told.injected)
  }
  for (const [name, service] of services) {
    const told = answer.admitted[`Service/${name}`]
    const list = serviceList(service, view).value
    const ownOrWritten = told.opaquePorts ?? defaultSettings.opaquePorts
    compare(`Service/${name} list`, annotationOf(service.metadata, annotations.opaquePorts) ?? list, ownOrWritten)
  }
  for (const told of answer.servicePorts) {
    const service = services.get(told.service)
    const port = service?.spec.ports?.find((one) => one?.port === told.port)
    if (!service || typeof port?.port !== 'number') continue
    const list = serviceList(service, view)
    const named = (name: string) => servicePortsNamed(service, name)
    if (told.outbound?.kind && !byRoute(told.outbound))
      compare(
        `Service/${told.service}:${told.port} outbound`,
        forClients(service, list, { ...port, port: port.port }, defaultSettings),
        outboundInWords(told),
      )
    if (told.profile && 'opaque' in told.profile)
      compare(
        `Service/${told.service}:${told.port} profile`,
        hasPort(portsByGo(list.value, named), told.port),
        told.profile.opaque,
      )
  }
  for (const told of answer.podPorts) {
    const pod = pods.get(told.pod) as Resource<'Pod'>
    const side = podSideOf(podTemplateOf(pod), namespace.name, told.port, view)
    if (told.inbound?.kind)
      compare(`Pod/${told.pod}:${told.port} inbound`, side.inbound, told.inbound.kind === 'opaque')
    if (told.profile && 'opaque' in told.profile)
      compare(`Pod/${told.pod}:${told.port} profile`, side.dialled, told.profile.opaque)
  }
  const wrong = Object.keys(ours).filter((what) => ours[what] !== theirs[what])
  return {
    ours: Object.fromEntries(wrong.map((what) => [what, ours[what]])),
    theirs: Object.fromEntries(wrong.map((what) => [what, theirs[what]])),
  }
})

/** What the policy controller says, and where it says nothing of the protocol, whether destination knows better for a while. */
function outboundInWords({ outbound, profile }: Record<string, any>): string {
  if (outbound.kind === 'opaque') return 'opaque'
  if (outbound.kind !== 'detect') return 'http'
  return profile?.opaque ? 'opaque-at-times' : 'detected'
}

/** The policy controller's answer comes from a route, not from a protocol. */
function byRoute(outbound: { readonly routes?: readonly Record<string, unknown>[] }): boolean {
  return outbound.routes?.some((route) => !('default' in route)) === true
}
