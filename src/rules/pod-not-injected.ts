import type { Confidence, Severity } from '../core/finding.ts'
import { isMeant } from '../core/namespace-pattern.ts'
import type { View } from '../core/view.ts'
import { own } from '../k8s/json.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, labelsOf, mirrorAnnotation, type Resource } from '../k8s/resource.ts'
import { injectorTrouble } from '../linkerd/certificates/injector-trouble.ts'
import { annotations, labels } from '../linkerd/facts.ts'
import { annotationVerdict, hasProxy, skipReasons } from '../linkerd/injection/injection.ts'
import { injectorOutage } from '../linkerd/injection/injector-outage.ts'
import {
  certaintyOf,
  injectionReads,
  notCalledInWords,
  pathOfAnnotation,
  pathOfReason,
  type WorkloadInjection,
  workloadInjection,
} from '../linkerd/injection/workload-injection.ts'
import { hasMeshLabel } from '../linkerd/pods/meshed.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

const reads = [...injectionReads, 'Certificate', 'Pod', 'Secret', 'Service'] as const

type RuleView = View<(typeof reads)[number], LinkerdSettings>

export const podNotInjected = defineRule({
  id: 'pod-not-injected',
  severity: 'error',
  judges: 'both',
  summary: 'A Pod that is meant to be meshed must really get its proxy.',
  why: `Linkerd's injector decides by itself and in silence. With \`failurePolicy: Ignore\`, the default, a Pod is also created without a proxy when the injector is down, its
certificate has expired or its webhook does not select the namespace; nobody is told. Such a Pod runs without mTLS, without policy and without metrics, and Servers that demand
authenticated clients refuse it.

In the webhook this rule compares the admitted Pod with what the injector would have decided, and names the cause where it is known: no webhook, a selector that leaves the namespace
out, \`failurePolicy: Ignore\` with a certificate that has expired or is not trusted, a Service with no ready Pod behind it, an inherited annotation that spoils the patch, or the injector's own reason. In \`check\`
the Pod is not injected yet: there it says where the injector will not be called or not be asked; what it would refuse is \`injection-refused\`, and a value it cannot read
\`inject-annotation-invalid\`.`,
  remediation:
    'Put linkerd.io/inject: enabled on the namespace or on the Pod template (not on the workload itself), remove what the injector refuses, ' +
    'and run linkerd check when an injectable Pod came without its proxy.',
  limits: `An opt-out inside an enabled namespace is information, unless \`requireInjection\` names the namespace. A Pod on the host's network that did not ask itself is a warning: the namespace
asked for it. Without the Namespace at hand, only what the Pod says of itself counts, with medium confidence; so do Pods with the labels of Linkerd's own components, which a Helm installation leaves out. Whether the injector is called follows from its
MutatingWebhookConfiguration where that is known, and from Linkerd's default selectors (not for \`kube-system\` and \`cert-manager\`) where it is not; \`matchConditions\` are not evaluated and lower the confidence.`,
  sources: [
    'https://linkerd.io/2/features/proxy-injection/',
    'linkerd2 pkg/inject/report.go (edge-26.8)',
    'linkerd2 charts/linkerd-control-plane/templates/proxy-injector-rbac.yaml (edge-26.8)',
  ],
  messages: {
    'not-injected':
      '{{pod}} has no Linkerd proxy: run linkerd check. The injector would have added one, but it is down, was not called, its certificate failed, or its patch could not be applied. Create the Pod again after that',
    // The cause comes first: a warning is cut after 120 characters.
    'injector-failed':
      'No Linkerd proxy: {{cause}}. {{pod}} would run outside the mesh: the API server cannot call the injector ({{configuration}}){{ignored}}. Repair that, then create the Pod again',
    'patch-dropped':
      "{{pod}} has no Linkerd proxy: {{annotation}} on {{where}} contains a quote, a backslash or a line break, so the injector's patch is no JSON and was dropped. Change the value, then create the Pod again",
    excluded: '{{pod}} gets no Linkerd proxy: {{why}}',
    refused: '{{pod}} has no Linkerd proxy. The injector refused it: {{reason}}',
    'opted-out':
      '{{pod}} runs outside the mesh: it has linkerd.io/inject: disabled in namespace {{namespace}}, {{asked}}',
    'not-asked':
      '{{pod}} gets no Linkerd proxy: namespace {{namespace}} must be meshed here, and neither it nor the Pod has linkerd.io/inject: enabled',
    'label-without-proxy':
      '{{pod}} has the label linkerd.io/control-plane-ns but no proxy: other proxies will try mTLS with it and fail. Remove the label; the injector adds it',
  },
  reads,
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

function* judge(subject: Resource<PodKind>, view: RuleView) {
  // Only Pods pass the injector: a workload is always judged as written, also in the webhook.
  const admitted = subject.kind === 'Pod' && view.stage === 'admitted'
  // What an admitted Pod says of itself is judged without a look at anything else.
  if (admitted && hasMeshLabel(subject.metadata)) return yield* judgeLabel(podTemplateOf(subject), podInWords(subject))
  const workload = workloadInjection(subject, view, admitted)
  const { template, namespace, call, injection, unresolved } = workload
  // The kubelet's picture of a static Pod passes no webhook.
  if (unresolved || annotationOf(template.metadata, mirrorAnnotation) !== undefined) return

  const name = subject.namespace
  const pod = podInWords(subject)
  const { reasons } = injection
  if (hasMeshLabel(template.metadata)) {
    const comes = call.called === 'yes' && reasons.length === 0
    if (!comes) yield* judgeLabel(template, pod)
    return
  }

  // Injected by hand, without the label.
  if (hasProxy(template.spec)) return

  const path = pathOfAnnotation(template, annotations.inject)
  const confidence: Confidence = mayBeSpared(template) ? 'medium' : certaintyOf(workload)
  const required = isMeant(view.settings.requireInjection, name, namespace) === 'yes'
  const values = [namespace?.metadata, template.metadata].map((one) => annotationOf(one, annotations.inject))
  const byAnnotation = annotationVerdict(values[0], values[1]).reason
  if (call.called !== 'yes') {
    const asked =
      byAnnotation !== 'injection_enable_annotation_absent' && byAnnotation !== 'injection_disable_annotation_present'
    if (!asked && !required) return
    // Which Pods the objectSelector means, the labels alone tell.
    const certain = call.why === 'namespace' && namespace === undefined ? 'medium' : 'high'
    yield { message: 'excluded', path, data: { pod, why: whyExcluded(workload, name) }, confidence: certain } as const
  } else if (reasons.length === 0) {
    if (!admitted) return
    const [annotation] = injection.spoiltBy
    const where = annotationOf(template.metadata, annotation ?? '') === undefined ? `Namespace ${name}` : 'the Pod'
    const trouble = call.webhook && injectorOutage(call.webhook, view, injectorTrouble(view)?.text)
    if (annotation !== undefined && trouble === undefined)
      yield {
        message: 'patch-dropped',
        path: ['metadata'],
        data: { pod, annotation, where },
        confidence,
      } as const
    else if (trouble === undefined)
      yield { message: 'not-injected', path: ['metadata'], data: { pod }, confidence } as const
    else {
      const configuration = call.webhook?.configuration.name ?? ''
      const ignores = call.webhook?.webhook.failurePolicy === 'Ignore'
      const ignored = ignores ? '; with failurePolicy Ignore such Pods are admitted as they are' : ''
      const data = { pod, cause: trouble, configuration, ignored }
      yield { message: 'injector-failed', path: ['metadata'], data, confidence } as const
    }
  } else if (byAnnotation === 'injection_disable_annotation_present') {
    const severity: Severity = required ? 'error' : 'info'
    const data = { pod, namespace: name, asked: required ? 'which must be meshed here' : 'which asks for injection' }
    yield { message: 'opted-out', path, data, confidence, severity } as const
  } else if (byAnnotation === 'injection_enable_annotation_absent') {
    // The namespace may ask for what is not known here.
    if (required && namespace) yield { message: 'not-asked', path, data: { pod, namespace: name }, confidence } as const
  } else if (admitted) {
    // The Pod did not ask for itself: that its namespace cannot have it is worth knowing, and seldom a mistake in the Pod.
    const severity: Severity = values[1] !== undefined || required || byAnnotation !== undefined ? 'error' : 'warning'
    const reason = reasons.map((one) => skipReasons[one]).join(', ')
    const cause = pathOfReason(reasons[0], template, view.settings)
    yield { message: 'refused', path: cause, data: { pod, reason }, confidence, severity } as const
  }
}

function* judgeLabel({ metadata, spec, path }: PodTemplate, pod: string) {
  if (annotationOf(metadata, mirrorAnnotation) !== undefined || hasProxy(spec)) return
  yield {
    message: 'label-without-proxy',
    path: [...path, 'metadata', 'labels', labels.controlPlaneNamespace],
    data: { pod },
    confidence: 'high',
  } as const
}

function whyExcluded({ call }: WorkloadInjection, namespace: string): string {
  if (call.called === 'absent')
    return "no MutatingWebhookConfiguration here has the webhook of Linkerd's injector. Install Linkerd, or repair its installation"
  const way = call.why === 'namespace-label' ? 'Remove the label, or run it' : 'Run it'
  const words = `the injector is not called for namespace ${namespace}, ${notCalledInWords(call)}`
  return call.why === 'rules' || call.why === 'object' ? words : `${words}. ${way} in another namespace`
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
