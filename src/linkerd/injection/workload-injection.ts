import { rememberLast } from '../../core/cache.ts'
import type { View } from '../../core/view.ts'
import { isUnresolved, type Path } from '../../k8s/json.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../../k8s/pod-template.ts'
import { annotationOf, labelsOf, type Resource } from '../../k8s/resource.ts'
import { annotations, labels } from '../facts.ts'
import { namespaceOf } from '../pods/meshed.ts'
import { type PodOwner, podOwner } from '../pods/pod-owner.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type SkipReason, sidecarOf } from './injection.ts'
import {
  type InjectorWebhook,
  injectorWebhooks,
  isConditional,
  type NotCalled,
  whyNotCalled,
  whyNotCalledByDefault,
} from './injector-webhook.ts'
import { type Injection, predictInjection } from './predict-injection.ts'

/** What a rule must read to know what the injector does. */
export const injectionReads = ['MutatingWebhookConfiguration', 'Namespace'] as const

export type InjectionView = View<(typeof injectionReads)[number], LinkerdSettings>

/** Whether the API server calls the injector for an object. */
export interface InjectorCall {
  /** `absent`: there is no webhook, and everything there is is known. */
  readonly called: 'yes' | 'no' | 'absent'
  /** Why it does not. */
  readonly why?: NotCalled
  /** The webhook that decides, where one is known; otherwise Linkerd's defaults do. */
  readonly webhook?: InjectorWebhook
  /** It has `matchConditions`, which may spare any object. */
  readonly conditional: boolean
}

/** A Pod, or the Pods of a workload, before the injector. */
export interface WorkloadInjection {
  readonly template: PodTemplate
  readonly namespace: Resource<'Namespace'> | undefined
  readonly call: InjectorCall
  /** What the injector does when it is called. */
  readonly injection: Injection
  /** A value that decides is not filled in yet. */
  readonly unresolved: boolean
}

/** What the injector would do with the Pods of this resource. A Pod in the cluster has passed it already. */
export function workloadInjection(
  subject: Resource<PodKind>,
  view: InjectionView,
  admitted = false,
): WorkloadInjection {
  const namespace = namespaceOf(view, subject.namespace)
  // All that it rests on: who changes `predict` changes this list.
  const things = [subject, admitted, namespace, injectorWebhooks(view), view.settings, view.scope]
  return predictedLast(things, () => predict(subject, namespace, view, admitted))
}

const predictedLast = rememberLast<WorkloadInjection>()

function predict(
  subject: Resource<PodKind>,
  namespace: Resource<'Namespace'> | undefined,
  view: InjectionView,
  admitted: boolean,
): WorkloadInjection {
  const template = podTemplateOf(subject)
  const pod = { ...template, admitted, namespaceName: subject.namespace, owner: makerOf(subject) }
  const values = [template.metadata, namespace?.metadata].map((one) => annotationOf(one, annotations.inject))
  return {
    template,
    namespace,
    call: injectorCall(template, subject.namespace, namespace, view),
    injection: predictInjection(pod, namespace?.metadata, view.settings),
    unresolved: [...values, subject.namespace].some(isUnresolved),
  }
}

/** Will the API server call the injector for a Pod of this template? */
export function injectorCall(
  { metadata }: Pick<PodTemplate, 'metadata'>,
  namespaceName: string,
  namespace: Resource<'Namespace'> | undefined,
  view: InjectionView,
): InjectorCall {
  const object = { resource: 'pods', labels: labelsOf(metadata), namespaceName, namespace } as const
  const webhooks = injectorWebhooks(view)
  const calls = webhooks.map((webhook): InjectorCall => {
    const why = whyNotCalled(webhook.webhook, object)
    const conditional = isConditional(webhook.webhook)
    return why === undefined ? { called: 'yes', webhook, conditional } : { called: 'no', why, webhook, conditional }
  })
  const [best] = calls.toSorted((a, b) => Number(a.called !== 'yes') - Number(b.called !== 'yes'))
  if (best) return best
  if (view.scope === 'cluster') return { called: 'absent', conditional: false }
  const why = whyNotCalledByDefault(object)
  return why === undefined ? { called: 'yes', conditional: false } : { called: 'no', why, conditional: false }
}

/** Why the injector is not called, in words that follow "namespace x,". */
export function notCalledInWords({ why, webhook }: InjectorCall): string {
  switch (why) {
    case 'namespace-label':
      return `which has the label ${labels.admissionWebhooks}=disabled`
    case 'namespace-name':
      return "which Linkerd's webhook leaves out by name"
    case 'rules':
      return `because MutatingWebhookConfiguration ${webhook?.configuration.name} has no rule for the creation of Pods`
    case 'object':
      return `for Pods with these labels: the objectSelector of MutatingWebhookConfiguration ${webhook?.configuration.name} leaves them out`
    default:
      return `which the namespaceSelector of MutatingWebhookConfiguration ${webhook?.configuration.name} leaves out`
  }
}

/** Does the Pod, or its Namespace, ask for injection? */
export function asksForInjection({ template, namespace }: WorkloadInjection): boolean {
  return [template.metadata, namespace?.metadata]
    .map((metadata) => annotationOf(metadata, annotations.inject))
    .some((value) => value === 'enabled' || value === 'ingress')
}

/** Whether what is seen would really happen: without the Namespace, or past conditions, it only may. */
export function certaintyOf({ namespace, call }: WorkloadInjection): 'high' | 'medium' {
  return namespace !== undefined && !call.conditional ? 'high' : 'medium'
}

/** Would the Pods of this workload be meshed: called for, wanted, and not spoilt? */
export function wouldInject({ call, injection, unresolved }: WorkloadInjection): boolean {
  return !unresolved && call.called === 'yes' && injection.reasons.length === 0
}

/** The value of an annotation on the template, or what would hold it. */
export function pathOfAnnotation({ metadata, path }: PodTemplate, key: string): Path {
  const present = annotationOf(metadata, key) !== undefined
  return [...path, 'metadata', ...(present ? ['annotations', key] : [])]
}

/** Where the cause of a reason lies. */
export function pathOfReason(reason: SkipReason | undefined, template: PodTemplate, settings: LinkerdSettings): Path {
  switch (reason) {
    case 'host_network_enabled':
      return [...template.path, 'spec', 'hostNetwork']
    case 'disabled_automount_service_account_token_account':
      return [...template.path, 'spec', 'automountServiceAccountToken']
    case 'sidecar_already_exists':
      return [...template.path, ...(sidecarOf(template.spec, settings)?.path ?? ['spec'])]
    default:
      return pathOfAnnotation(template, annotations.inject)
  }
}

/** Whom the injector will name as maker of the Pods: the workload itself, or its own owner, by the rules of {@link podOwner}. */
export function makerOf(subject: Resource<PodKind>): PodOwner | undefined {
  if (subject.kind === 'Pod') return undefined
  return podOwner({ ownerReferences: [{ kind: subject.kind, name: subject.name }] }, () => subject.metadata)
}
