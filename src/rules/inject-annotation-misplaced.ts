import type { Fix } from '../core/edit.ts'
import type { Severity } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import { isObject, isUnresolved, own, type Path, valueAt } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, labelsOf, type Resource } from '../k8s/resource.ts'
import { annotations, labels } from '../linkerd/facts.ts'
import { annotationVerdict } from '../linkerd/injection/injection.ts'
import { namespaceOf } from '../linkerd/pods/meshed.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type RuleView = View<'Namespace', LinkerdSettings>

export const injectAnnotationMisplaced = defineRule({
  id: 'inject-annotation-misplaced',
  severity: 'error',
  judges: 'both',
  summary:
    'The key linkerd.io/inject counts as an annotation of the Namespace or of the Pod template, and nowhere else.',
  why: `The injector sees Pods. What stands in the metadata of a Deployment never reaches them; only \`spec.template.metadata.annotations\` does. A **label** of that name is read by nobody, nor is the
annotation on a Service. The switch for a whole namespace, \`config.linkerd.io/admission-webhooks\`, is the other way round: it counts as a label of the Namespace only. All of these are accepted in silence.`,
  remediation: 'Put linkerd.io/inject among the annotations of the Pod template or of the Namespace.',
  limits: `It is information where the misplaced value changes nothing, because the Namespace or the template already says the same. The fix adds the annotation on the template and removes nothing.`,
  sources: [
    'https://linkerd.io/2/features/proxy-injection/',
    'https://github.com/linkerd/linkerd2/issues/4125',
    'https://github.com/linkerd/linkerd2/issues/4856',
    'https://github.com/linkerd/linkerd2/issues/6585',
    'linkerd2 pkg/healthcheck/healthcheck_labels.go (edge-26.8)',
  ],
  messages: {
    'on-workload':
      'put linkerd.io/inject on the Pod template: in the metadata of {{object}} itself nothing reads it, so its Pods are {{instead}}',
    'as-label': 'make linkerd.io/inject an annotation: the label of {{object}} is read by nobody',
    'on-service':
      'put linkerd.io/inject on the Pods behind the Service, or on the Namespace: on {{object}} nothing reads it',
    'webhooks-switch':
      'make config.linkerd.io/admission-webhooks a label of the Namespace: as {{what}} of {{object}} nothing reads it',
  },
  reads: ['Namespace'],
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    *Namespace(namespace) {
      const said = annotationOf(namespace.metadata, annotations.inject)
      yield* asLabel(namespace, ['metadata'], said, false)
      if (annotationOf(namespace.metadata, labels.admissionWebhooks) === undefined) return
      if (own(labelsOf(namespace.metadata), labels.admissionWebhooks) !== undefined) return
      const path = ['metadata', 'annotations', labels.admissionWebhooks]
      const data = { what: 'an annotation', object: describe(namespace) }
      yield { message: 'webhooks-switch', path, data, confidence: 'high', severity: 'warning' } as const
    },
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    *Service(service) {
      if (annotationOf(service.metadata, annotations.inject) === undefined) return
      const path = ['metadata', 'annotations', annotations.inject]
      const data = { object: describe(service) }
      yield { message: 'on-service', path, data, confidence: 'high', severity: 'warning' } as const
    },
    StatefulSet: judge,
  },
})

function* judge(subject: Resource<PodKind>, view: RuleView) {
  const template = podTemplateOf(subject)
  const said = annotationOf(template.metadata, annotations.inject)
  const onWorkload = subject.kind === 'Pod' ? undefined : annotationOf(subject.metadata, annotations.inject)
  if (onWorkload !== undefined && said === undefined && !isUnresolved(onWorkload))
    yield onItself(subject, onWorkload, view)
  const inherited = annotationOf(namespaceOf(view, subject.namespace)?.metadata, annotations.inject)
  const injected = annotationVerdict(inherited, said).reason === undefined
  yield* asLabel(subject, [...template.path, 'metadata'], said, injected)
  if (subject.kind !== 'Pod') yield* asLabel(subject, ['metadata'], said ?? onWorkload, injected)

  for (const [what, there] of [
    ['annotations', annotationOf(template.metadata, labels.admissionWebhooks)],
    ['labels', own(labelsOf(template.metadata), labels.admissionWebhooks)],
  ] as const) {
    if (there === undefined) continue
    const path = [...template.path, 'metadata', what, labels.admissionWebhooks]
    const data = { what: what === 'labels' ? 'a label' : 'an annotation', object: describe(subject) }
    yield { message: 'webhooks-switch', path, data, confidence: 'high', severity: 'warning' } as const
  }
}

/**
 * How bad it is that the template does not say what the workload's own metadata says:
 *
 *   | asked              | by its Namespace alone | severity |
 *   | enabled or ingress | not injected           | error; a warning while the Namespace is not known |
 *   | disabled           | injected               | warning  |
 *   | ingress            | injected               | warning  |
 *   | the same           | the same               | info     |
 */
function onItself(subject: Resource<PodKind>, value: string, view: RuleView) {
  const namespace = namespaceOf(view, subject.namespace)
  const inherited = annotationOf(namespace?.metadata, annotations.inject)
  const now = annotationVerdict(inherited, undefined).reason === undefined
  const asked = annotationVerdict(inherited, value)
  const then = asked.reason === undefined
  const same = now === then && (value !== 'ingress' || inherited === 'ingress')
  const severity: Severity = same ? 'info' : now || namespace === undefined ? 'warning' : 'error'
  const template = podTemplateOf(subject)
  const path = [...template.path, 'metadata', 'annotations', annotations.inject]
  const fix: Fix | undefined =
    value === 'enabled' || value === 'disabled' || value === 'ingress'
      ? { title: `say linkerd.io/inject: ${value} on the Pod template`, edits: [{ op: 'set', path, value }] }
      : undefined
  return {
    message: 'on-workload',
    path: ['metadata', 'annotations', annotations.inject],
    data: { object: describe(subject), instead: now ? 'injected as their namespace says' : 'not injected' },
    confidence: namespace ? 'high' : 'medium',
    severity,
    fix,
  } as const
}

/** @param injected is it injected without the label? */
function* asLabel(object: Resource, metadata: Path, said: string | undefined, injected: boolean) {
  const holder = valueAt(object.wire, [...metadata, 'labels'])
  const value = isObject(holder) ? own(holder, annotations.inject) : undefined
  // Where the annotation says the same, the label does no harm.
  if (value === undefined || value === said) return
  const path = [...metadata, 'labels', annotations.inject]
  const data = { object: describe(object) }
  const severity: Severity = value === 'disabled' || injected ? 'warning' : 'error'
  yield { message: 'as-label', path, data, confidence: 'high', severity } as const
}
