import type { Snapshot } from '../core/snapshot.ts'
import { decodeBase64 } from '../k8s/base64.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Spec } from '../k8s/spec-shapes.ts'

/** By which names the cluster knows this webhook. */
export interface OwnNames {
  /** Of the ValidatingWebhookConfiguration, and of the other one. */
  readonly validating: string
  readonly mutating: string
  /** The Service that leads here, and its namespace, which is our own. */
  readonly service: string
  readonly namespace: string
}

export const ownKinds = ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'] as const

export type OwnKind = (typeof ownKinds)[number]

/** One entry of a webhook configuration as it lives in the cluster. */
export type LiveEntry = NonNullable<NonNullable<Spec<OwnKind>['webhooks']>[number]>

/** One of our two configurations. */
export interface OwnConfiguration {
  readonly kind: OwnKind
  readonly name: string
  /** Undefined where there is none; `unknown` where nobody can say. */
  readonly live: Resource<OwnKind> | undefined | 'unknown'
}

/** The name that API servers ask for: of the Service, as its certificate must have it. */
export function ownDnsName({ service, namespace }: OwnNames): string {
  return `${service}.${namespace}.svc`
}

/** Both configurations as they are. What was never read, or may no longer be, is unknown; what is stale is the best there is. */
export function ownConfigurations(snapshot: Snapshot, own: OwnNames): readonly OwnConfiguration[] {
  return ownKinds.map((kind) => {
    const name = kind === 'ValidatingWebhookConfiguration' ? own.validating : own.mutating
    const isKnown = snapshot.trouble(kind)?.as !== 'unsynced'
    return { kind, name, live: isKnown ? snapshot.all(kind).find((one) => one.name === name) : 'unknown' }
  })
}

/** Their entries, where they are known. */
export function entriesOf({ live }: OwnConfiguration): readonly LiveEntry[] {
  if (live === undefined || live === 'unknown') return []
  return (live.spec.webhooks ?? []).filter((entry) => entry != null)
}

/** Does the entry lead to our Service? */
export function leadsHere({ clientConfig }: LiveEntry, own: OwnNames): boolean {
  const { name, namespace } = clientConfig?.service ?? {}
  return name === own.service && namespace === own.namespace
}

/** The PEM by which API servers verify who answers the entry; undefined where there is none, or it is no base64. */
export function bundleOf({ clientConfig }: LiveEntry): string | undefined {
  const pem = decodeBase64(clientConfig?.caBundle ?? '')
  return pem === undefined || pem.trim() === '' ? undefined : pem
}

/** What API servers verify us with when they call for one of our configurations. */
export interface OwnTrust {
  /** Its name. */
  readonly configuration: string
  /** PEM; undefined where an entry has none. */
  readonly bundle: string | undefined
}

/** The different caBundles of the entries that lead to us, by configuration. Empty where nothing is known. */
export function ownTrust(snapshot: Snapshot, own: OwnNames): readonly OwnTrust[] {
  return ownConfigurations(snapshot, own).flatMap((configuration) => {
    const entries = entriesOf(configuration).filter((entry) => leadsHere(entry, own))
    return [...new Set(entries.map(bundleOf))].map((bundle) => ({ configuration: configuration.name, bundle }))
  })
}

/** The different caBundles that there are. */
export function ownBundles(snapshot: Snapshot, own: OwnNames): readonly string[] {
  return [...new Set(ownTrust(snapshot, own).flatMap(({ bundle }) => bundle ?? []))]
}
