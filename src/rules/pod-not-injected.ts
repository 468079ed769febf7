import type { Confidence, Severity } from '../core/finding.ts'
import { isMeant } from '../core/namespace-pattern.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, own, type Path } from '../k8s/json.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, labelsOf, type Resource } from '../k8s/resource.ts'
import { annotations, labels } from '../linkerd/facts.ts'
import {
  annotationVerdict,
  hasProxy,
  type SkipReason,
  sidecarOf,
  skipReasons,
  whyNotInjected,
} from '../linkerd/injection.ts'
import { hasMeshLabel, namespaceOf, reachesInjector } from '../linkerd/meshed.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type InjectionView = View<'Namespace', LinkerdSettings>

export const podNotInjected = defineRule({
  id: 'pod-not-injected',
  severity: 'error',
  judges: 'both',
  summary: 'A Pod that is meant to be meshed must really get its proxy.',
  why: `Linkerd's injector decides by itself and in silence. With \`failurePolicy: Ignore\`, the default, a Pod is also created without a proxy when the injector is down, its
certificate has expired or its webhook does not select the namespace; nobody is told. Such a Pod runs without mTLS, without policy and without metrics, and Servers that demand
authenticated clients refuse it.

In the webhook this rule compares the admitted Pod with what the injector would have decided. In \`check\` the Pod is not injected yet, so the same table only predicts where the
injector will refuse.`,
  remediation:
    'Put linkerd.io/inject: enabled on the namespace or on the Pod template (not on the workload itself), remove what the injector refuses, ' +
    'and run linkerd check when an injectable Pod came without its proxy.',
  limits: `An opt-out inside an enabled namespace is information, unless \`requireInjection\` names the namespace. A Pod on the host's network that did not ask itself is a warning: the namespace
asked for it. Without the Namespace at hand, only what the Pod says of itself counts, with medium confidence; so do Pods with the labels of Linkerd's own components, which a Helm installation leaves out. That the injector is not called for \`kube-system\` and \`cert-manager\` follows
from Linkerd's default selectors.`,
  sources: [
    'https://linkerd.io/2/features/proxy-injection/',
    'linkerd2 pkg/inject/report.go (edge-26.8)',
    'linkerd2 charts/linkerd-control-plane/templates/proxy-injector-rbac.yaml (edge-26.8)',
  ],
  messages: {
    'not-injected':
      '{{pod}} has no Linkerd proxy: run linkerd check, then create the Pod again. The injector would have added one, but it is down, was not called, its certificate failed, or its patch could not be applied',
    excluded:
      '{{pod}} gets no Linkerd proxy: its injector is not called for namespace {{namespace}}, {{why}}. Run it in another namespace',
    refused: '{{pod}} gets no Linkerd proxy. The injector refuses it: {{reason}}',
    'opted-out':
      '{{pod}} runs outside the mesh: it has linkerd.io/inject: disabled in namespace {{namespace}}, {{asked}}',
    'not-asked':
      '{{pod}} gets no Linkerd proxy: namespace {{namespace}} must be meshed here, and neither it nor the Pod has linkerd.io/inject: enabled',
    'label-without-proxy':
      '{{pod}} has the label linkerd.io/control-plane-ns but no proxy: other proxies will try mTLS with it and fail. Remove the label; the injector adds it',
  },
  reads: ['Namespace'],
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    StatefulSet: judge,
  },
})

/** Only Pods pass the injector: a workload is always judged as written, also in the webhook. */
function isAdmitted(subject: Resource<PodKind>, view: InjectionView): boolean {
  return subject.kind === 'Pod' && view.stage === 'admitted'
}

function* judge(subject: Resource<PodKind>, view: InjectionView) {
  const template = podTemplateOf(subject)
  const name = subject.namespace
  const admitted = isAdmitted(subject, view)
  // What an admitted Pod says of itself is judged without a look at anything else.
  if (admitted && hasMeshLabel(template.metadata)) return yield* judgeLabel(template, podInWords(subject))
  const namespace = namespaceOf(view, name)
  const podValue = annotationOf(template.metadata, annotations.inject)
  const namespaceValue = annotationOf(namespace?.metadata, annotations.inject)
  // The kubelet's picture of a static Pod passes no webhook.
  if (annotationOf(template.metadata, 'kubernetes.io/config.mirror') !== undefined) return
  if (isUnresolved(podValue) || isUnresolved(namespaceValue) || isUnresolved(name)) return

  const reasons = whyNotInjected({ ...template, admitted }, namespaceValue, view.settings)
  const reached = reachesInjector(namespace, name)
  const pod = podInWords(subject)
  const annotationPath = pathOfAnnotation(template)
  const confidence: Confidence = namespace && !mayBeSpared(template) ? 'high' : 'medium'
  if (hasMeshLabel(template.metadata)) {
    const comes = reached && reasons.length === 0
    if (!comes) yield* judgeLabel(template, pod)
    return
  }

  // Injected by hand, without the label.
  if (hasProxy(template.spec)) return

  const required = isMeant(view.settings.requireInjection, name, namespace) === 'yes'
  const byAnnotation = annotationVerdict(namespaceValue, podValue).reason
  const asked =
    byAnnotation !== 'injection_enable_annotation_absent' && byAnnotation !== 'injection_disable_annotation_present'
  if (!reached) {
    if (!asked && !required) return
    const why =
      own(labelsOf(namespace?.metadata), labels.admissionWebhooks) === 'disabled'
        ? `which has the label ${labels.admissionWebhooks}=disabled`
        : "which Linkerd's webhook leaves out by name"
    yield {
      message: 'excluded',
      path: annotationPath,
      data: { pod, namespace: name, why },
      confidence: 'high',
    } as const
  } else if (reasons.length === 0) {
    if (admitted) yield { message: 'not-injected', path: ['metadata'], data: { pod }, confidence } as const
  } else if (byAnnotation === 'injection_disable_annotation_present') {
    const severity: Severity = required ? 'error' : 'info'
    const data = { pod, namespace: name, asked: required ? 'which must be meshed here' : 'which asks for injection' }
    yield { message: 'opted-out', path: annotationPath, data, confidence, severity } as const
  } else if (byAnnotation === 'injection_enable_annotation_absent') {
    // The namespace may ask for what is not known here.
    if (required && namespace)
      yield { message: 'not-asked', path: annotationPath, data: { pod, namespace: name }, confidence } as const
  } else {
    // The Pod did not ask for itself: that its namespace cannot have it is worth knowing, and seldom a mistake in the Pod.
    const severity: Severity = podValue !== undefined || required || byAnnotation !== undefined ? 'error' : 'warning'
    const reason = reasons.map((one) => skipReasons[one]).join(', ')
    const path = causeOf(reasons[0], template, view.settings)
    yield { message: 'refused', path, data: { pod, reason }, confidence, severity } as const
  }
}

function* judgeLabel({ metadata, spec, path }: PodTemplate, pod: string) {
  if (annotationOf(metadata, 'kubernetes.io/config.mirror') !== undefined || hasProxy(spec)) return
  yield {
    message: 'label-without-proxy',
    path: [...path, 'metadata', 'labels', labels.controlPlaneNamespace],
    data: { pod },
    confidence: 'high',
  } as const
}

/** Installed by Helm, Linkerd's webhook leaves its own components out by label; installed by its CLI, it does not. */
function mayBeSpared({ metadata }: PodTemplate): boolean {
  const spared = [labels.controlPlaneComponent, labels.cniResource]
  return spared.some((label) => own(labelsOf(metadata), label) !== undefined)
}

/** `Pod shop/web-x of ReplicaSet web`: the one who reads this knows the owner. */
function podInWords(subject: Resource<PodKind>): string {
  const owner =
    subject.kind === 'Pod' ? subject.metadata.ownerReferences?.find((one) => one?.controller === true) : undefined
  return owner ? `${describe(subject)} of ${owner.kind} ${owner.name}` : describe(subject)
}

/** The annotation where there is one, else what would hold it. */
function pathOfAnnotation({ metadata, path }: PodTemplate): Path {
  const present = annotationOf(metadata, annotations.inject) !== undefined
  return [...path, 'metadata', ...(present ? ['annotations', annotations.inject] : [])]
}

function causeOf(reason: SkipReason | undefined, template: PodTemplate, settings: LinkerdSettings): Path {
  switch (reason) {
    case 'host_network_enabled':
      return [...template.path, 'spec', 'hostNetwork']
    case 'disabled_automount_service_account_token_account':
      return [...template.path, 'spec', 'automountServiceAccountToken']
    case 'sidecar_already_exists':
      return [...template.path, ...(sidecarOf(template.spec, settings)?.path ?? ['spec'])]
    default:
      return pathOfAnnotation(template)
  }
}
