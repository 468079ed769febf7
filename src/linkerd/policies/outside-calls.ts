import type { View } from '../../core/view.ts'
import { describe, type Resource } from '../../k8s/resource.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import type { LinkerdSettings } from '../settings.ts'

/** What must be read to know who calls a Pod from outside the mesh. */
export const webhookReads = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const

export const outsideReads = ['Service', ...webhookReads] as const

export type WebhookView = View<(typeof webhookReads)[number], LinkerdSettings>

export type OutsideView = View<(typeof outsideReads)[number], LinkerdSettings>

/** A port of a Pod to which somebody who is surely not meshed is led. */
export interface OutsideCall {
  /** `Service shop/web`, or the webhook configuration. */
  readonly caller: string
  readonly by: 'clients' | 'api-server'
  readonly port: number
}

/** By which Services and webhooks the Pod is reached from outside the mesh. */
export function outsideCalls(pod: PodFacts, view: OutsideView): readonly OutsideCall[] {
  if (pod.name === undefined) return []
  const calls: OutsideCall[] = []
  const services = view.inNamespace('Service', pod.namespace).filter((service) => leadsTo(service, pod))
  const called = view.derive(webhooksByService)
  for (const service of services) {
    const { type } = service.spec
    const isPublic = type === 'LoadBalancer' || type === 'NodePort'
    const caller = called.get(`${service.namespace}/${service.name}`)
    for (const entry of service.spec.ports ?? []) {
      if ((entry?.protocol ?? 'TCP') !== 'TCP') continue
      for (const port of targetsOf(entry?.targetPort ?? entry?.port, pod)) {
        if (isPublic) calls.push({ caller: describe(service), by: 'clients', port })
        if (caller !== undefined && (caller.port ?? 443) === entry?.port)
          calls.push({ caller: caller.text, by: 'api-server', port })
      }
    }
  }
  return calls
}

function leadsTo({ spec }: Resource<'Service'>, { labels }: PodFacts): boolean {
  const terms = Object.entries(spec.selector ?? {})
  return terms.length > 0 && terms.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
}

function targetsOf(target: number | string | null | undefined, pod: PodFacts): readonly number[] {
  if (typeof target === 'number') return [target]
  return typeof target === 'string' ? (pod.named.get(target) ?? []) : []
}

interface Webhook {
  readonly text: string
  readonly port: number | undefined
  readonly failurePolicy: 'Ignore' | 'Fail'
}

/** What becomes of requests when the API server cannot reach these Services for admission; undefined where none is known to be called. */
export function failurePolicyOf(
  namespace: string,
  services: readonly string[],
  view: WebhookView,
): 'Ignore' | 'Fail' | undefined {
  const called = view.derive(webhooksByService)
  const found = services.flatMap((name) => called.get(`${namespace}/${name}`)?.failurePolicy ?? [])
  return found.includes('Ignore') ? 'Ignore' : found[0]
}

/** Services that the API server calls for admission. */
function webhooksByService(view: WebhookView): ReadonlyMap<string, Webhook> {
  const found = new Map<string, Webhook>()
  for (const kind of webhookReads)
    for (const configuration of view.all<(typeof webhookReads)[number]>(kind))
      for (const webhook of configuration.spec.webhooks ?? []) {
        const service = webhook?.clientConfig?.service
        if (service == null) continue
        const text = describe(configuration)
        found.set(`${service.namespace}/${service.name}`, {
          text,
          port: typeof service.port === 'number' ? service.port : undefined,
          // Without one it is Fail (k8s.io/api/admissionregistration/v1).
          failurePolicy: webhook?.failurePolicy === 'Ignore' ? 'Ignore' : 'Fail',
        })
      }
  return found
}
