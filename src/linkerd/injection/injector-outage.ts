import type { View } from '../../core/view.ts'
import { isObject, own, valueAt } from '../../k8s/json.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { selectsByMap } from '../../k8s/selector.ts'
import type { LinkerdSettings } from '../settings.ts'
import type { InjectorWebhook } from './injector-webhook.ts'

/**
 * Why a call of the injector fails, as far as it can be seen: what is known of its certificate, then its Service and the Pods
 * behind that. Undefined where nothing is known to be wrong. Absence proves something in a cluster only.
 *
 * @param certificate what is wrong with its certificate, where somebody knows
 */
export function injectorOutage(
  webhook: InjectorWebhook,
  view: View<'Pod' | 'Service', LinkerdSettings>,
  certificate: string | undefined,
): string | undefined {
  if (certificate !== undefined) return certificate
  const target = webhook.webhook.clientConfig?.service
  if (!target) return undefined
  const namespace = target.namespace ?? ''
  const name = target.name ?? ''
  const service = view.inNamespace('Service', namespace).find((one) => one.name === name)
  const pods = view.inNamespace('Pod', namespace)
  if (view.scope !== 'cluster') return undefined
  if (!service) return `the injector's Service ${namespace}/${name} does not exist`
  // Without a selector somebody else says where it leads.
  if (Object.keys(service.spec.selector ?? {}).length === 0) return undefined
  const behind = pods.filter((pod) => selectsByMap(service.spec.selector, labelsOf(pod.metadata)))
  if (behind.length === 0) return `no Pod is behind the injector's Service ${namespace}/${name}`
  return behind.some(isReady) ? undefined : `no Pod behind the injector's Service ${namespace}/${name} is ready`
}

/** Ready by its own status, or without a status to go by. */
function isReady(pod: Resource<'Pod'>): boolean {
  const conditions = valueAt(pod.wire, ['status', 'conditions'])
  if (!Array.isArray(conditions)) return true
  return conditions.some((one) => isObject(one) && own(one, 'type') === 'Ready' && own(one, 'status') === 'True')
}
