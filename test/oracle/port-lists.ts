import { podTemplateOf } from '../../src/k8s/pod-template.ts'
import { annotationOf, readResource } from '../../src/k8s/resource.ts'
import { annotations, defaultSkipPorts, goTrue } from '../../src/linkerd/facts.ts'
import { injectedOnPod } from '../../src/linkerd/injection/injected-opaque-ports.ts'
import { portsByGo } from '../../src/linkerd/port-list.ts'
import { dropsList, tokensOf } from '../../src/linkerd/protocols/list-tokens.ts'
import { podPortsNamed } from '../../src/linkerd/protocols/opaque-ports.ts'
import { formatPorts } from '../../src/policy/port-set.ts'
import { compareRecords, settingsOf } from './records.ts'

/*
 * node test/oracle/port-lists.ts FILE…: is what the rules about port lists claim what the real Linkerd did?
 *
 * - `protocol`: on a Pod whose list we call dropped, the policy controller takes no port for opaque; where we say nothing, it
 *   and destination take the same ports for opaque (ports that a Server decides are left out).
 * - `injection`: which Pods get their detection limits raised to a year, which skip lists replace the default, which ports
 *   the injector reads from the opaque list, and of how many tokens of it the injector's log complains.
 */

process.exitCode = compareRecords(process.argv.slice(2), (record: Record<string, any>) =>
  record['pod'] ? compareInjected(record) : compareWorld(record),
)

function compareWorld({ objects, answer }: Record<string, any>) {
  const ours: Record<string, unknown> = {}
  const theirs: Record<string, unknown> = {}
  for (const object of objects) {
    const value = answer.admitted[`Pod/${object.metadata.name}`]?.opaquePorts
    const read = readResource(object)
    if (read.as !== 'resource' || read.resource.kind !== 'Pod' || typeof value !== 'string') continue
    const template = podTemplateOf(read.resource)
    const tokens = tokensOf(value, (name) => podPortsNamed(template, name))
    // A Server that names a UDP port has it for destination only: not a matter of lists.
    const udp = new Set<number>(
      (object.spec.containers ?? [])
        .flatMap(({ ports }: any) => ports ?? [])
        .filter(({ protocol }: any) => protocol === 'UDP')
        .map(({ containerPort }: any) => containerPort),
    )
    const told = answer.podPorts.filter(
      ({ pod, port, inbound, profile }: any) =>
        pod === object.metadata.name &&
        !udp.has(port) &&
        inbound?.server?.startsWith('default/') &&
        'opaque' in (profile ?? {}),
    )
    const byPolicy = told.filter(({ inbound }: any) => inbound.kind === 'opaque').map(({ port }: any) => port)
    const byDestination = told.filter(({ profile }: any) => profile.opaque).map(({ port }: any) => port)
    const claim = tokens.some(dropsList)
      ? 'nothing'
      : tokens.some(({ kind }) => kind === 'spaced-range')
        ? 'more'
        : 'same'
    const seen = {
      nothing: byPolicy.length === 0,
      more: byDestination.every((port: number) => byPolicy.includes(port)),
      same: String(byPolicy) === String(byDestination),
    }
    ours[object.metadata.name] = claim
    theirs[object.metadata.name] = seen[claim] ? claim : { byPolicy, byDestination }
  }
  return { ours, theirs }
}

function compareInjected({ variant, namespace, pod, answer }: Record<string, any>) {
  if (answer.outcome !== 'injected') return { ours: 'not injected', theirs: 'not injected' }
  const settings = settingsOf(variant)
  const valueOf = (key: string) => annotationOf(pod.metadata, key) ?? annotationOf(namespace, key)
  const isTrue = (key: string) => goTrue.has(valueOf(key) ?? '')
  const list =
    annotationOf(pod.metadata, annotations.opaquePorts) ??
    injectedOnPod(pod, namespace, settings, true).list ??
    undefined
  const named = (name: string) => podPortsNamed(pod, name)
  const env = answer.proxy.env ?? {}
  const args: string[] = answer.proxy.initArgs ?? []
  const argument = (name: string) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined)
  // The first two ports of the inbound list are the proxy's own.
  const [inbound, outbound] = [argument('--inbound-ports-to-ignore'), argument('--outbound-ports-to-ignore')]
  const skipIn = valueOf(annotations.skipInboundPorts) ?? defaultSkipPorts
  const skipOut = valueOf(annotations.skipOutboundPorts) ?? defaultSkipPorts
  const opaque = env['LINKERD2_PROXY_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION']
  return {
    ours: {
      inbound: isTrue(annotations.disableInboundDetectTimeout),
      outbound: isTrue(annotations.disableOutboundDetectTimeout),
      opaque: formatPorts(portsByGo(list ?? '', named)),
      ...(inbound === undefined ? {} : { skipIn: onOneLine(skipIn) }),
      ...(outbound === undefined ? {} : { skipOut: onOneLine(skipOut) }),
    },
    theirs: {
      inbound: env['LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT'] === '365d',
      outbound: env['LINKERD2_PROXY_OUTBOUND_DETECT_TIMEOUT'] === '365d',
      opaque: formatPorts(portsByGo(typeof opaque === 'string' ? opaque : list === undefined ? '' : (opaque ?? ''))),
      ...(inbound === undefined ? {} : { skipIn: inbound.split(',').slice(2).join(',') }),
      ...(outbound === undefined ? {} : { skipOut: outbound }),
    },
  }
}

/** A line break in an annotation arrives as a space among the arguments. */
function onOneLine(value: string): string {
  return value.replaceAll('\n', ' ')
}
