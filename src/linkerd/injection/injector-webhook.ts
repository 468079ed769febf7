import type { View } from '../../core/view.ts'
import { own } from '../../k8s/json.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { type Labels, selects } from '../../k8s/selector.ts'
import type { LabelSelector, Spec } from '../../k8s/spec-shapes.ts'
import { injectorWebhookName, labels, uninjectableNamespaces } from '../facts.ts'

type Configuration = Spec<'MutatingWebhookConfiguration'>
type Webhook = NonNullable<NonNullable<Configuration['webhooks']>[number]>

/** What the API server goes by when it chooses whether to call a webhook. */
export type WebhookChoice = Pick<Webhook, 'rules' | 'namespaceSelector' | 'objectSelector' | 'matchConditions'>

/** One webhook of Linkerd's injector, and where it is configured. */
export interface InjectorWebhook {
  readonly configuration: Resource<'MutatingWebhookConfiguration'>
  /** Its index in `webhooks`. */
  readonly index: number
  readonly webhook: Webhook
}

/** Every webhook of an injector that is known: normally one, and several with several control planes. */
export function injectorWebhooks<S>(view: View<'MutatingWebhookConfiguration', S>): readonly InjectorWebhook[] {
  return view.derive(findInjectorWebhooks)
}

function findInjectorWebhooks<S>(view: View<'MutatingWebhookConfiguration', S>): InjectorWebhook[] {
  return view
    .all('MutatingWebhookConfiguration')
    .flatMap((configuration) =>
      (configuration.spec.webhooks ?? []).flatMap((webhook, index) =>
        webhook?.name === injectorWebhookName ? [{ configuration, index, webhook }] : [],
      ),
    )
}

/** An object on its way to the API server, as far as webhooks are chosen by it. */
export interface CreatedObject {
  readonly resource: 'pods' | 'services'
  readonly labels: Labels
  readonly namespaceName: string
  readonly namespace: Resource<'Namespace'> | undefined
}

/** Why the API server does not call a webhook for an object. */
export type NotCalled = 'rules' | 'namespace-label' | 'namespace-name' | 'namespace' | 'object'

/**
 * Why the API server does not call the webhook when the object is created, or undefined when it does (k8s.io/apiserver
 * pkg/admission/plugin/webhook: rules, namespaceSelector and objectSelector must all match; a selector that is null or
 * empty matches everything). `matchConditions` are CEL, which only the API server evaluates: {@link isConditional}.
 *
 * A Namespace that is not known has the one label that every Namespace has, its name.
 */
export function whyNotCalled(webhook: WebhookChoice, object: CreatedObject): NotCalled | undefined {
  if (!(webhook.rules ?? []).some((rule) => matchesRule(rule, object.resource))) return 'rules'
  if (!selects(webhook.objectSelector ?? {}, object.labels)) return 'object'
  const { namespaceSelector } = webhook
  const given = labelsOf(object.namespace?.metadata)
  // A cluster has written it down already.
  const isNamed = own(given, nameLabel) === object.namespaceName
  const all = isNamed ? given : { ...given, [nameLabel]: object.namespaceName }
  if (selects(namespaceSelector ?? {}, all)) return undefined
  // Which of its labels it is helps whoever has to change it.
  if (
    !selects(
      only(namespaceSelector, (key) => key === nameLabel),
      all,
    )
  )
    return 'namespace-name'
  return selects(
    only(namespaceSelector, (key) => key !== labels.admissionWebhooks),
    all,
  )
    ? 'namespace-label'
    : 'namespace'
}

/** Has it conditions that may spare any object? */
export function isConditional(webhook: WebhookChoice): boolean {
  return (webhook.matchConditions ?? []).length > 0
}

/** The same for Linkerd's default selectors, where no webhook is known (charts/linkerd-control-plane/values.yaml). */
export function whyNotCalledByDefault({ namespaceName, namespace }: CreatedObject): NotCalled | undefined {
  if ((uninjectableNamespaces as readonly string[]).includes(namespaceName)) return 'namespace-name'
  return labelsOf(namespace?.metadata)[labels.admissionWebhooks] === 'disabled' ? 'namespace-label' : undefined
}

const nameLabel = 'kubernetes.io/metadata.name'

type Rule = NonNullable<Webhook['rules']>[number]

function matchesRule(rule: Rule, resource: string): boolean {
  return (
    has(rule?.operations, '*', 'CREATE') &&
    has(rule?.apiGroups, '*', '') &&
    has(rule?.apiVersions, '*', 'v1') &&
    has(rule?.resources, '*', '*/*', resource) &&
    rule?.scope !== 'Cluster'
  )
}

function has(list: readonly (string | null)[] | null | undefined, ...values: string[]): boolean {
  return (list ?? []).some((one) => values.includes(one ?? ''))
}

/** The terms of a selector about some keys. */
function only(selector: LabelSelector | null | undefined, isMeant: (key: string) => boolean): LabelSelector {
  return {
    matchLabels: Object.fromEntries(Object.entries(selector?.matchLabels ?? {}).filter(([key]) => isMeant(key))),
    matchExpressions: (selector?.matchExpressions ?? []).filter((term) => isMeant(term?.key ?? '')),
  }
}
