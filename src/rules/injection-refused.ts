import type { Confidence, Severity } from '../core/finding.ts'
import { isMeant } from '../core/namespace-pattern.ts'
import type { PodKind } from '../k8s/pod-template.ts'
import { annotationOf, describe, type Resource } from '../k8s/resource.ts'
import { annotations, configPrefixes } from '../linkerd/facts.ts'
import { hasProxy, skipReasons } from '../linkerd/injection/injection.ts'
import {
  asksForInjection,
  certaintyOf,
  type InjectionView,
  injectionReads,
  pathOfAnnotation,
  pathOfReason,
  workloadInjection,
} from '../linkerd/injection/workload-injection.ts'
import { hasMeshLabel } from '../linkerd/pods/meshed.ts'
import { defineRule } from '../linkerd/rule.ts'

export const injectionRefused = defineRule({
  id: 'injection-refused',
  severity: 'error',
  judges: 'both',
  summary: 'A Pod that asks for its proxy must be one that the injector takes.',
  why: `The injector leaves some Pods alone whatever the annotations say: on the host's network, with the sidecar of a mesh already in them, or, where the control plane uses the
ServiceAccount's token, without that token. The Pod then runs outside the mesh, and only an Event of its workload says so. Some combinations of annotations it denies
instead, even with \`failurePolicy: Ignore\`: then no Pod is created at all.`,
  remediation:
    'Remove what the injector refuses from the Pod template, or say linkerd.io/inject: disabled on it, so that nobody expects a proxy there.',
  limits: `A Pod that did not ask itself, but whose namespace asks, is a warning when it is skipped: monitoring agents on the host's network are the usual case. Pods that are already in a cluster are judged
by \`pod-not-injected\`.`,
  sources: [
    'linkerd2 pkg/inject/report.go (edge-26.8)',
    'linkerd2 pkg/healthcheck/sidecar.go (edge-26.8)',
    'linkerd2 charts/partials/templates/_proxy.tpl, _proxy-init.tpl (edge-26.8)',
    'https://linkerd.io/2/features/proxy-injection/',
  ],
  messages: {
    skipped: '{{pod}} gets no Linkerd proxy. The injector refuses it: {{reason}}',
    denied: '{{annotation}} must go: the injector denies {{pod}}, so that no Pod is created. It says: {{reason}}',
  },
  reads: injectionReads,
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

/** Combinations that it denies, by a word of its message, and the annotation that can be left out. */
const denials: readonly (readonly [word: string, annotation: string])[] = [
  ['closeWaitTimeoutSecs', `${configPrefixes.stable}close-wait-timeout`],
  ['waitBeforeExitSeconds', `${configPrefixes.alpha}proxy-wait-before-exit-seconds`],
]

function* judge(subject: Resource<PodKind>, view: InjectionView) {
  // A Pod that has passed the injector is a matter of fact, not of prediction.
  if (subject.kind === 'Pod' && view.stage === 'admitted') return
  const workload = workloadInjection(subject, view)
  const { template, namespace, call, injection, unresolved } = workload
  if (unresolved || call.called !== 'yes' || hasMeshLabel(template.metadata) || hasProxy(template.spec)) return

  const pod = describe(subject)
  const { reasons, refusal } = injection
  const confidence: Confidence = certaintyOf(workload)
  const required = isMeant(view.settings.requireInjection, subject.namespace, namespace) === 'yes'
  const others = reasons.filter((reason) => !reason.includes('annotation'))
  if (others.length > 0) {
    // Said "no" as well, or nobody asked: then nothing is missing.
    if (others.length < reasons.length && !required) return
    if (!required && !asksForInjection(workload)) return
    const asked = annotationOf(template.metadata, annotations.inject) !== undefined
    const severity: Severity = asked || required ? 'error' : 'warning'
    const reason = reasons.map((one) => skipReasons[one]).join(', ')
    const path = pathOfReason(others[0], template, view.settings)
    yield { message: 'skipped', path, data: { pod, reason }, confidence, severity } as const
  } else if (reasons.length === 0 && refusal !== undefined) {
    const annotation = denials.find(([word]) => refusal.includes(word))?.[1]
    // A value that is invalid by itself is another rule's.
    if (annotation === undefined) return
    const path = pathOfAnnotation(template, annotation)
    yield { message: 'denied', path, data: { pod, annotation, reason: refusal }, confidence } as const
  }
}
