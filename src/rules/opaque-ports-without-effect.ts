import type { Fix } from '../core/edit.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, type Resource } from '../k8s/resource.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { absentAnnotations, annotations } from '../linkerd/facts.ts'
import { injectedOnService } from '../linkerd/injection/injected-opaque-ports.ts'
import { clientsOfService, isSubjectMeshed } from '../linkerd/pods/mesh-clients.ts'
import { namespaceOf } from '../linkerd/pods/meshed.ts'
import { canonicalList, portsByGo } from '../linkerd/port-list.ts'
import { opaqueReads, podList, podPortsNamed, podSideOf, servicePortsNamed } from '../linkerd/protocols/opaque-ports.ts'
import { selectedBy } from '../linkerd/protocols/pod-selection.ts'
import { isTcp, targetOf } from '../linkerd/protocols/service-targets.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { hasPort } from '../policy/port-set.ts'

type PortView = View<(typeof opaqueReads)[number], LinkerdSettings>

const key = annotations.opaquePorts

export const opaquePortsWithoutEffect = defineRule({
  id: 'opaque-ports-without-effect',
  severity: 'warning',
  judges: 'both',
  summary: 'An annotation about protocols must stand where Linkerd looks for it, and be one that exists.',
  why: `Linkerd reads \`${key}\` on Pods and on Services, and the injector copies it from a Namespace to those that are created later. On a Deployment or a StatefulSet **itself** nobody
looks: it belongs into the Pod template. Nobody looks on an ExternalName Service, whose clients connect to an address outside, nor on a headless one, whose clients dial Pods. All of these are accepted without a word, and
ports stay subject to detection.

Nor does anything read annotations that do not exist. Two of them are recommended on the web: there is no way to make the ten seconds of detection shorter.`,
  remediation: `Move the annotation to the Pod template. For names outside the cluster use config.linkerd.io/skip-outbound-ports on the client Pods, or an EgressNetwork with the list.`,
  limits: `The fix for a workload adds the list to its Pod template, together with what is opaque there already; it leaves the idle one where it is. A template that has a list of its own, and ReplicaSets and Jobs, which
inherit annotations from their owners, are left alone. So is a headless Service whose Pods are known to treat the same ports as opaque, which is why a finding there is information, and a list that the injector itself
wrote. Unknown keys that look like \`opaque-ports\` are named; other unknown keys are not this rule's.`,
  sources: [
    'https://linkerd.io/2/features/protocol-detection/',
    'linkerd2 controller/proxy-injector/webhook.go, pkg/k8s/labels.go (edge-26.8)',
    'linkerd2 test/integration/deep/opaqueports (edge-26.8): Pods that are dialled ignore the Service',
  ],
  messages: {
    'on-workload':
      'nobody looks for {{key}} on a {{kind}} itself: set it to "{{list}}" in the annotations of its Pod template. As it is, its ports stay subject to detection',
    'external-name':
      'nobody looks for {{key}} on an ExternalName Service: set config.linkerd.io/skip-outbound-ports on the client Pods, or list the ports on an EgressNetwork. Clients connect to an address outside',
    headless:
      'nobody looks for {{key}} on a headless Service: list the container ports on the Pod template. Clients dial the Pods, and learn from them what is opaque',
    'no-such-annotation': '{{key}} does not exist, and nothing reads it: {{instead}}',
  },
  reads: opaqueReads,
  check: {
    CronJob: judgeWorkload,
    DaemonSet: judgeWorkload,
    Deployment: judgeWorkload,
    Job: judgeWorkload,
    Namespace: function* (namespace) {
      yield* judgeKeys(namespace.metadata, [])
    },
    Pod: function* (pod) {
      yield* judgeKeys(pod.metadata, [])
    },
    ReplicaSet: judgeWorkload,
    ReplicationController: judgeWorkload,
    Service: judgeService,
    StatefulSet: judgeWorkload,
  },
})

function* judgeWorkload(subject: Resource<PodKind>, view: PortView) {
  const template = podTemplateOf(subject)
  // Deployments pass their annotations on to ReplicaSets.
  const owned = (subject.metadata.ownerReferences ?? []).length > 0
  if (!owned) yield* judgeKeys(subject.metadata, [])
  yield* judgeKeys(template.metadata, template.path)
  const value = annotationOf(subject.metadata, key)
  if (value === undefined || owned || annotationOf(template.metadata, key) !== undefined) return
  const meshed = isSubjectMeshed(subject, view)
  if (meshed === 'no') return
  const list = listForTemplate(value, template, subject.namespace, view)
  const fix: Fix | undefined =
    list === undefined
      ? undefined
      : {
          title: `set ${key}: "${list}" in the Pod template`,
          edits: [{ op: 'set', path: [...template.path, 'metadata', 'annotations', key], value: list }],
        }
  yield {
    message: 'on-workload',
    path: keyPath,
    data: { key, kind: subject.kind, list: list ?? value },
    confidence: meshed === 'yes' ? 'high' : 'medium',
    fix,
  } as const
}

/** The list that was meant, with what is opaque without it: a list on the template replaces that. */
function listForTemplate(value: string, template: PodTemplate, namespace: string, view: PortView): string | undefined {
  const now = podList(template, namespace, view)
  if (isUnresolved(value) || now?.unknown) return undefined
  return canonicalList(`${now?.value ?? ''},${value}`, [], (name) => podPortsNamed(template, name))
}

function* judgeService(service: Resource<'Service'>, view: PortView) {
  yield* judgeKeys(service.metadata, [])
  const value = annotationOf(service.metadata, key)
  if (value === undefined || isUnresolved(value) || isInjectors(service, value, view)) return
  const { spec } = service
  const external = spec.type === 'ExternalName'
  if (!external && spec.clusterIP !== 'None') return
  const pods = external ? [] : selectedBy(service, view)
  const meshed = clientsOfService(service, pods, view)
  if (meshed === 'no') return
  const confidence = meshed === 'yes' ? 'high' : 'medium'
  if (external) yield { message: 'external-name', path: keyPath, data: { key }, confidence } as const
  else if (value.trim() !== '' && !isKnownByPods(service, value, pods, view))
    yield { message: 'headless', path: keyPath, data: { key }, confidence, severity: 'info' } as const
}

/** Did, or might, the injector write this value itself? It does so on every Service. */
function isInjectors(service: Resource<'Service'>, value: string, view: PortView): boolean {
  const namespace = namespaceOf(view, service.namespace)?.metadata
  const { list } = injectedOnService({}, service.spec, namespace, view.settings)
  return list === value
}

/** Do the Pods behind a headless Service treat as opaque what its list names? */
function isKnownByPods(
  service: Resource<'Service'>,
  value: string,
  pods: readonly Resource<PodKind>[],
  view: PortView,
): boolean {
  const listed = portsByGo(value, (name) => (name === '' ? [] : servicePortsNamed(service, name)))
  const ports = (service.spec.ports ?? []).filter(
    (port) => port !== null && isTcp(port) && typeof port.port === 'number' && hasPort(listed, port.port),
  )
  if (ports.length === 0 || pods.length === 0) return false
  return pods.every((pod) => {
    const template = podTemplateOf(pod)
    return ports.every((port) => {
      const target = port && targetOf(port, template)
      return !target || podSideOf(template, pod.namespace, target.number, view).dialled
    })
  })
}

/** Keys that nothing reads. */
function* judgeKeys(metadata: ObjectMeta, path: Path) {
  for (const name of Object.keys(metadata.annotations ?? {})) {
    const instead = Object.hasOwn(absentAnnotations, name) ? absentAnnotations[name] : insteadOfTypo(name)
    if (instead === undefined) continue
    yield {
      message: 'no-such-annotation',
      path: [...path, 'metadata', 'annotations', name],
      data: { key: name, instead },
      confidence: 'high',
    } as const
  }
}

/** `linkerd.io/opaque-ports`, `config.linkerd.io/opaquePorts` and their like. */
function insteadOfTypo(name: string): string | undefined {
  const [prefix = '', word = ''] = name.split('/')
  if (name === key || !/(?:^|\.)linkerd\.io$/.test(prefix)) return undefined
  return word
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '')
    .includes('opaqueport')
    ? `the key is ${key}`
    : undefined
}

const keyPath: Path = ['metadata', 'annotations', key]
