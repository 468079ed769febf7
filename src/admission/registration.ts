import type { RuleDocumentation } from '../core/rule.ts'
import { isWatched, type KindName, kinds } from '../k8s/kinds.ts'
import { podKinds } from '../k8s/pod-template.ts'
import { identity, installation } from '../linkerd/facts.ts'

/*
 * How the webhook is registered and what it may read: both follow from the rules, and are written by `npm run generate`.
 */

/** What registration asks of a rule. */
export type Registered = Pick<RuleDocumentation, 'check' | 'judges'> & { readonly reads: readonly KindName[] }

/**
 * Names of the configurations. The API server calls mutating webhooks in the order of their configurations' names
 * (apiserver mutating_webhook_manager.go), and what we add to a Pod is for Linkerd's injector to read.
 */
export const configurationNames = { validating: 'meshgate', mutating: 'a-meshgate' } as const

/** One of `rules` in a webhook configuration. */
export interface WebhookRule {
  readonly apiGroups: readonly string[]
  /** All: with matchPolicy Equivalent the API server converts to one of them, and a new version does not slip past. */
  readonly apiVersions: readonly ['*']
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[]
  readonly resources: readonly string[]
  readonly scope: 'Namespaced' | 'Cluster'
}

/** One entry of a webhook configuration, but for who answers it. */
export interface Webhook {
  readonly name: string
  readonly failurePolicy: 'Fail' | 'Ignore'
  readonly matchPolicy: 'Equivalent'
  readonly sideEffects: 'None'
  readonly timeoutSeconds: number
  readonly admissionReviewVersions: readonly ['v1']
  readonly reinvocationPolicy?: 'IfNeeded'
  readonly namespaceSelector: {
    readonly matchExpressions: readonly [
      { readonly key: string; readonly operator: 'In' | 'NotIn'; readonly values: readonly string[] },
    ]
  }
  readonly objectSelector?: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[]
  readonly rules: readonly WebhookRule[]
}

/** One of `rules` in a Role. */
export interface AccessRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

/**
 * Namespaces that must come up without us: our own, the system's, those of what we and the mesh depend on. They are left
 * out twice: by selector, which costs no call, and by condition, should somebody take the label off a namespace.
 */
const outOfScope = [
  'cert-manager',
  'kube-node-lease',
  'kube-public',
  'kube-system',
  'linkerd',
  'linkerd-cni',
  'linkerd-viz',
  'meshgate',
] as const

const matchConditions: NonNullable<Webhook['matchConditions']> = [
  // Whoever takes the last finalizer off must never be stopped.
  { name: 'not-deleting', expression: 'object == null || !has(object.metadata.deletionTimestamp)' },
  {
    name: 'in-scope',
    expression: `!(request.namespace in [${outOfScope.map((name) => `'${name}'`).join(', ')}])`,
  },
  // A node must be able to start, and to say that it lives, whatever state we are in.
  { name: 'not-a-node', expression: "!has(request.userInfo.groups) || !('system:nodes' in request.userInfo.groups)" },
  {
    name: 'no-lease-or-node',
    expression: "!(request.resource.resource in ['leases', 'nodes', 'certificatesigningrequests'])",
  },
]

/** The API server sets this label itself: nobody can forge it. */
const namespaceLabel = 'kubernetes.io/metadata.name'

const call = { matchPolicy: 'Equivalent', sideEffects: 'None', admissionReviewVersions: ['v1'] } as const

const common = {
  ...call,
  namespaceSelector: { matchExpressions: [{ key: namespaceLabel, operator: 'NotIn', values: outOfScope }] },
  matchConditions,
} as const

/**
 * How the webhook asks itself through the API server: whether it is called at all, and whether it is trusted. It fails closed,
 * since only then does the API server say why it could not ask; nothing but a ConfigMap with this label in our own namespace
 * matches, so that nobody else is stopped.
 */
export const canary = {
  entry: 'canary.validate.meshgate.dev',
  label: 'meshgate.dev/canary',
  namespace: 'meshgate',
} as const

const canaryWebhook: Webhook = {
  name: canary.entry,
  failurePolicy: 'Fail',
  timeoutSeconds: 5,
  ...call,
  namespaceSelector: { matchExpressions: [{ key: namespaceLabel, operator: 'In', values: [canary.namespace] }] },
  objectSelector: { matchLabels: { [canary.label]: 'true' } },
  rules: [
    { apiGroups: [''], apiVersions: ['*'], operations: ['CREATE'], resources: ['configmaps'], scope: 'Namespaced' },
  ],
}

const changes = ['CREATE', 'UPDATE'] as const

/** Groups of policies: few, and no cluster needs one of them to start. */
const policyGroups: ReadonlySet<string> = new Set([
  'cilium.io',
  'networking.k8s.io',
  'policy.linkerd.io',
  'policy.networking.k8s.io',
  'projectcalico.org',
])

function isPolicy(kind: KindName): boolean {
  return policyGroups.has(kinds[kind].group)
}

/**
 * The entries of the validating webhook: what a rule judges, and what it reads and so can be changed by.
 *
 * Of the entries for others, only the one for policies fails closed. Without Pods, Services, Namespaces or certificates nothing starts, so the other
 * one fails open until the operator says otherwise. A removal is judged for what it does to others; it is never stopped.
 * The last entry is for the webhook's own canary.
 */
export function validatingWebhooks(rules: readonly Registered[]): Webhook[] {
  const all = new Set([...judged(rules), ...rules.flatMap(({ reads }) => reads).filter(isReviewed)])
  const removable = [...all].filter((kind) => !(podKinds as readonly KindName[]).includes(kind) && kind !== 'Namespace')
  const entry = (name: string, failurePolicy: Webhook['failurePolicy'], webhookRules: WebhookRule[]): Webhook => ({
    name: `${name}.validate.meshgate.dev`,
    failurePolicy,
    timeoutSeconds: 5,
    ...common,
    rules: webhookRules,
  })
  return [
    entry('policy', 'Fail', rulesFor([...all].filter(isPolicy), changes)),
    entry(
      'workload',
      'Ignore',
      rulesFor(
        [...all].filter((kind) => !isPolicy(kind)),
        changes,
      ),
    ),
    entry('removal', 'Ignore', rulesFor(removable, ['DELETE'])),
    canaryWebhook,
  ]
}

/**
 * Does the API server ask about the kind, and should it? About webhook configurations it never does, so that a broken webhook
 * can always be removed. Secrets and ConfigMaps are none of a webhook's business: what is in them is not for the wire.
 */
function isReviewed(kind: KindName): boolean {
  return isWatched(kind) && kinds[kind].group !== 'admissionregistration.k8s.io'
}

/**
 * The entry of the mutating webhook, for the kinds that rules judge. It fails open: each fix also has its finding, which the
 * validating webhook judges afterwards.
 */
export function mutatingWebhooks(rules: readonly Registered[]): Webhook[] {
  return [
    {
      name: 'mutate.meshgate.dev',
      failurePolicy: 'Ignore',
      reinvocationPolicy: 'IfNeeded',
      timeoutSeconds: 2,
      ...common,
      rules: rulesFor(judged(rules), changes),
    },
  ]
}

/** What the service account may read in the whole cluster: the kinds that rules read. */
export function clusterAccess(rules: readonly Registered[]): AccessRule[] {
  return byGroup(watchedKinds(rules)).map(([group, names]) => ({
    apiGroups: [group],
    resources: names.map((name) => kinds[name].resource),
    verbs: watching,
  }))
}

/** What it may read in the namespace of the control plane: Linkerd's own settings, and its trust anchors, which are public. */
export function linkerdAccess(): AccessRule[] {
  return [
    named('', 'configmaps', installation.config, identity.trustRoots),
    named('apps', 'deployments', installation.destination),
  ]
}

const watching = ['list', 'watch'] as const

function named(group: string, resource: string, ...names: readonly string[]): AccessRule {
  return { apiGroups: [group], resources: [resource], resourceNames: names, verbs: watching }
}

/** Every kind to follow in a cluster: what rules judge or read there. */
export function watchedKinds(rules: readonly Registered[]): KindName[] {
  return [...new Set(rules.flatMap(({ reads }) => reads))].filter(isWatched)
}

function judged(rules: readonly Registered[]): KindName[] {
  const asked = rules.filter(({ judges }) => judges !== 'declared')
  return asked.flatMap(({ check }) => Object.keys(check) as KindName[]).filter(isReviewed)
}

function rulesFor(names: Iterable<KindName>, operations: WebhookRule['operations']): WebhookRule[] {
  return byGroup(names).flatMap(([group, members]) =>
    ([true, false] as const).flatMap((namespaced): WebhookRule[] => {
      const resources = members
        .filter((name) => kinds[name].namespaced === namespaced)
        .map((name) => kinds[name].resource)
      const scope = namespaced ? 'Namespaced' : 'Cluster'
      return resources.length > 0 ? [{ apiGroups: [group], apiVersions: ['*'], operations, resources, scope }] : []
    }),
  )
}

/** Groups and kinds in alphabetical order, each kind once. */
function byGroup(names: Iterable<KindName>): [string, KindName[]][] {
  const placed = [...new Set(names)].flatMap((name) =>
    [kinds[name].group, ...(kinds[name].alsoIn ?? [])].map((group) => ({ group, name })),
  )
  const groups = new Map(
    [...Map.groupBy(placed, ({ group }) => group)].map(([group, all]) => [group, all.map(({ name }) => name)]),
  )
  return [...groups]
    .map(([group, members]): [string, KindName[]] => [group, members.toSorted()])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}
