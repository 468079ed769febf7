import type { Fix } from '../core/edit.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, type Resource } from '../k8s/resource.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { annotations } from '../linkerd/facts.ts'
import { injectedOnPod, injectedOnService } from '../linkerd/injection/injected-opaque-ports.ts'
import { clientsOfService, isSubjectMeshed } from '../linkerd/pods/mesh-clients.ts'
import { isNamespaceMeshed, type Meshed, meshReads, seesPods } from '../linkerd/pods/meshed.ts'
import { canonicalList, portsByGo } from '../linkerd/port-list.ts'
import { dropsList, type ListToken, portsMeantBy, tokensOf } from '../linkerd/protocols/list-tokens.ts'
import { podPortsNamed, servicePortsNamed } from '../linkerd/protocols/opaque-ports.ts'
import { selectedBy } from '../linkerd/protocols/pod-selection.ts'
import { isTcp } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { allPorts, formatPorts, type PortSet, portIntersection } from '../policy/port-set.ts'

const reads = meshReads

type ListView = View<(typeof reads)[number], LinkerdSettings>

export const opaquePortsUnreadable = defineRule({
  id: 'opaque-ports-unreadable',
  severity: 'error',
  judges: 'both',
  summary: 'An opaque-ports list must be one that every part of Linkerd reads alike: plain numbers, commas, no spaces.',
  why: `Two components read \`config.linkerd.io/opaque-ports\`, each with a parser of its own. Destination, which tells clients how to dial a Pod, knows port names and skips a token that it cannot
read. The policy controller, which tells the proxy of a Pod what arrives and clients what a Service is, knows numbers only, and **drops the whole list** for a single token that is none: a name, \`0\`,
a reversed range. Nobody is told, but for a line in the controller's log. Then no port is opaque for that half of Linkerd, the default ports included.

Where only spaces stand around the dash of a range it is the other way round: the policy controller reads it, destination does not. On a Namespace the value is copied to new Pods and
Services as raw text: a quotation mark, a backslash or a line break in it spoils the injector's patch, and Pods are created without a proxy.`,
  remediation:
    'Write plain decimal numbers between commas, without spaces, signs, names or port 0. On a Pod these are container ports, on a Service its own ports. An empty text is fine: nothing is opaque.',
  limits: `What each parser makes of a value was seen on the real controllers, and so was that HTTP to a Pod on which they disagree fails with 404. A list is fixed where every token has one
meaning; a reversed range or a name that no container has is for its author. Ranges are fine for the proxies; only \`linkerd check --proxy\` cannot read them, which is information. Names of ports in a Service's list belong to
\`opaque-ports-names-target-port\`. Where a Server selects the port, it decides for the Pod's own proxy in place of the list. Where nothing says that the Pods are meshed, a finding is a warning; where they are known not to be, there is none.`,
  sources: [
    'linkerd2 pkg/util/parsing.go, pkg/util/portrange.go (edge-26.8)',
    'linkerd2 policy-controller/k8s/index/src/ports.rs (edge-26.8)',
    'linkerd2 pkg/healthcheck/healthcheck.go, misconfiguredOpaqueAnnotation',
    'https://linkerd.io/2/features/protocol-detection/',
  ],
  messages: {
    'list-dropped':
      '{{tokens}} makes the policy controller drop the whole list: set {{remedy}}. It reads plain numbers and ranges from 1 to 65535 only. {{effect}}',
    'destination-skips':
      '{{tokens}} is a range for one half of Linkerd only, because of its spaces: set {{remedy}}. Clients that dial the Pod do not know these ports as opaque: they detect the protocol, 10 s where the server speaks first, and HTTP fails with 404',
    'empty-token':
      'nothing between two commas is the name of the unnamed port {{port}}: set {{remedy}}. Destination takes that port for opaque, the policy controller does not, and so it is opaque at times',
    'check-fails': '{{tokens}} works, but linkerd check --proxy cannot read it and fails: {{advice}}',
    'patch-undecodable':
      "the value spoils the injector's patch: remove what is no plain list of numbers. The quotation mark, backslash or line break is copied unescaped, the API server cannot decode the patch, and {{victims}}",
    'copied-escaped':
      'Services and Pods without a proxy get {{copy}} for {{value}}, which nobody reads: set {{remedy}}. The injector escapes the value for HTML when it copies it to them',
  },
  reads,
  check: {
    CronJob: judgePods,
    DaemonSet: judgePods,
    Deployment: judgePods,
    Job: judgePods,
    Namespace: judgeNamespace,
    Pod: judgePods,
    ReplicaSet: judgePods,
    ReplicationController: judgePods,
    Service: judgeService,
    StatefulSet: judgePods,
  },
})

/** A list and what its names mean. */
interface Judged {
  readonly value: string
  readonly path: Path
  readonly meshed: Meshed
  readonly named: (name: string) => readonly number[]
}

function* judgePods(subject: Resource<PodKind>, view: ListView) {
  const template = podTemplateOf(subject)
  const value = annotationOf(template.metadata, annotations.opaquePorts)
  if (value === undefined || isUnresolved(value)) return
  const meshed = isSubjectMeshed(subject, view)
  if (meshed === 'no') return
  const named = (name: string) => podPortsNamed(template, name)
  const list: Judged = { value, path: [...template.path, ...keyPath], meshed, named }
  const tokens = tokensOf(value, named)
  const bad = tokens.filter(dropsList)
  const known = portsInWords(portsByGo(value, named))
  const effect = `For the Pod's own proxy nothing is opaque, and clients outside the mesh lose connections on which the server speaks first after 10 s${known === '' ? '' : `; only clients that dial the Pod still take ${known} for opaque`}`
  if (bad.length > 0) yield report('list-dropped', { effect }, bad, list)
  const spaced = tokens.filter(({ kind }) => kind === 'spaced-range')
  if (bad.length === 0 && spaced.length > 0) yield report('destination-skips', {}, spaced, list)
  if (bad.length === 0 && spaced.length === 0) yield* judgeLooks(tokens, list)
}

function* judgeService(service: Resource<'Service'>, view: ListView) {
  const value = annotationOf(service.metadata, annotations.opaquePorts)
  if (value === undefined || isUnresolved(value) || !isListRead(service, view.settings)) return
  const pods = selectedBy(service, view)
  const meshed = clientsOfService(service, pods, view)
  if (meshed === 'no') return
  const named = (name: string) => portsMeantBy(name, service, pods)
  const list: Judged = { value, path: keyPath, meshed, named }
  const tokens = tokensOf(value, (name) => (name === '' ? servicePortsNamed(service, '') : named(name)))
  const bad = tokens.filter(dropsList)
  // Names of ports are another rule's.
  const ours = bad.filter(({ kind }) => kind !== 'name')
  const known = portsInWords(portsByGo(value, (name) => servicePortsNamed(service, name)))
  const effect = `Meshed clients ${known === '' ? 'detect the protocol of every port' : `take ${known} for opaque at first, and detect the protocol after some idle seconds`}: 10 s for each connection where the server speaks first`
  if (ours.length > 0) yield report('list-dropped', { effect }, ours, list)
  if (bad.length > 0) return
  const [unnamed] = servicePortsNamed(service, '')
  const empty = tokens.filter(({ kind }) => kind === 'empty')
  if (
    empty.length > 0 &&
    unnamed !== undefined &&
    !portsByGo(value).some(([from, to]) => from <= unnamed && unnamed <= to)
  )
    yield { ...report('empty-token', { port: unnamed }, empty, list), severity: 'warning' } as const
  else yield* judgeLooks(tokens, list)
}

/** A Namespace's list is copied to its Pods and Services when they are created. */
function* judgeNamespace(namespace: Resource<'Namespace'>, view: ListView) {
  const value = annotationOf(namespace.metadata, annotations.opaquePorts)
  if (value === undefined || isUnresolved(value) || !seesPods({ metadata: {} }, namespace.name, view)) return
  const meshed = isNamespaceMeshed(namespace.name, view)
  const list: Judged = { value, path: keyPath, meshed, named: () => [] }
  const inPods = injectedOnPod({ metadata: {}, spec: {} }, namespace.metadata, view.settings, true)
  const inServices = copiedToServices(namespace.metadata, view)
  if (inPods.undecodable) {
    const victims = `new Pods of the namespace are ${meshed === 'no' ? 'not injected where they ask for it' : 'created without a proxy'}`
    yield { ...report('patch-undecodable', { victims }, [], list), fix: undefined }
    return
  }
  const tokens = tokensOf(value)
  const bad = tokens.filter(dropsList)
  const spaced = tokens.filter(({ kind }) => kind === 'spaced-range')
  const effect =
    'It is copied to new Pods and Services of the namespace, in which nothing is opaque then, the default ports included'
  if (bad.length > 0) yield report('list-dropped', { effect }, bad, list)
  else if (inServices !== value)
    yield report('copied-escaped', { copy: JSON.stringify(inServices ?? ''), value: JSON.stringify(value) }, [], list)
  else if (spaced.length > 0) yield report('destination-skips', {}, spaced, list)
  else yield* judgeLooks(tokens, list)
}

function copiedToServices(namespace: ObjectMeta, view: ListView): string | undefined {
  return injectedOnService({}, {}, namespace, view.settings).list
}

/** What only `linkerd check` stumbles over. */
function* judgeLooks(tokens: readonly ListToken[], list: Judged) {
  const loose = tokens.filter(({ kind }) => kind !== 'plain')
  if (loose.length === 0) return
  const found = report('check-fails', {}, loose, list)
  const advice = found.fix ? `set ${found.data.remedy}` : 'list single numbers where that matters'
  yield { ...found, data: { ...found.data, advice }, severity: 'info' } as const
}

/** Does anybody read the list of this Service? Clients of others look at Pods or outside, and `appProtocol` beats the list. */
function isListRead({ spec }: Resource<'Service'>, { minor }: LinkerdSettings): boolean {
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return false
  const open = (spec.ports ?? []).filter((port) => port !== null && isTcp(port) && (minor < 18 || !port.appProtocol))
  return open.length > 0
}

/** Nobody connects to port 0. */
function portsInWords(set: PortSet): string {
  return formatPorts(portIntersection(set, allPorts))
}

const keyPath: Path = ['metadata', 'annotations', annotations.opaquePorts]

function report<const M extends string, D extends object>(
  message: M,
  data: D,
  tokens: readonly ListToken[],
  { value, path, meshed, named }: Judged,
) {
  const wanted = canonicalList(value, [], named)
  const remedy =
    wanted === undefined
      ? `${annotations.opaquePorts} to numbers only`
      : `${annotations.opaquePorts}: ${JSON.stringify(wanted)}`
  const fix: Fix | undefined =
    wanted === undefined || wanted === value
      ? undefined
      : { title: `set ${remedy}`, edits: [{ op: 'set', path, value: wanted }] }
  const sure = meshed === 'yes'
  return {
    message,
    path,
    data: {
      ...data,
      remedy,
      tokens: tokens.map(({ text }) => (text === '' ? 'an empty token' : JSON.stringify(text))).join(', '),
    },
    confidence: sure ? 'high' : 'medium',
    severity: sure ? 'error' : 'warning',
    fix,
  } as const
}
