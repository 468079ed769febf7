import { recall } from '../../core/derivations.ts'
import type { Snapshot } from '../../core/snapshot.ts'
import { type Stage, type View, viewOf } from '../../core/view.ts'
import { jsonEqual } from '../../k8s/json.ts'
import type { LinkerdSettings } from '../settings.ts'
import {
  type CreatedObject,
  injectorWebhooks,
  isConditional,
  type WebhookChoice,
  whyNotCalled,
  whyNotCalledByDefault,
} from './injector-webhook.ts'

/** Whether the API server calls the injector; `unknown` where that rests on conditions or on labels nobody has seen. */
export type Reach = 'yes' | 'no' | 'unknown'

/**
 * Will the API server call the injector when this object is created? By the webhooks that are known, of which one is enough,
 * and by Linkerd's default selectors where none is:
 *
 *   | the selectors  | and                                                | answer  |
 *   | take it        | there are no conditions                            | yes     |
 *   | take it        | there are conditions, which only the API server reads | unknown |
 *   | leave it out   | by labels of a Namespace that is not known         | unknown |
 *   | leave it out   | for anything else                                  | no      |
 */
export function reachOfInjector(object: CreatedObject, { injector }: LinkerdSettings): Reach {
  if (injector === undefined) return whyNotCalledByDefault(object) === undefined ? 'yes' : 'no'
  let best: Reach = 'no'
  for (const webhook of injector) {
    const reach = reachOf(webhook, object)
    if (reach === 'yes') return reach
    if (reach === 'unknown') best = reach
  }
  return best
}

function reachOf(webhook: WebhookChoice, object: CreatedObject): Reach {
  const why = whyNotCalled(webhook, object)
  if (why === undefined) return isConditional(webhook) ? 'unknown' : 'yes'
  return object.namespace === undefined && (why === 'namespace' || why === 'namespace-label') ? 'unknown' : 'no'
}

interface Known {
  current: LinkerdSettings
}

/**
 * The settings, with the choice of the injector's webhooks as this snapshot has them. The same object for as long as they
 * choose the same: what was derived under it holds, whatever else changes in any webhook configuration.
 */
export function settingsAmong(snapshot: Snapshot, settings: LinkerdSettings, stage: Stage): LinkerdSettings {
  // At every review: most of the time no webhook configuration has changed.
  const kept = recall(snapshot, stage, know, '', settings)
  if (kept) return (kept.value as Known).current
  return viewOf(snapshot, ['MutatingWebhookConfiguration'], settings, stage).maintain(know, knowAgain).current
}

type ConfigurationView = View<'MutatingWebhookConfiguration', LinkerdSettings>

function know(view: ConfigurationView): Known {
  return { current: withChoices(view) }
}

function knowAgain(known: Known, _changed: unknown, view: ConfigurationView): void {
  const next = withChoices(view)
  if (!jsonEqual(next.injector, known.current.injector)) known.current = next
}

function withChoices(view: ConfigurationView): LinkerdSettings {
  const choices = injectorWebhooks(view).map(({ webhook }): WebhookChoice => {
    const { rules = null, namespaceSelector = null, objectSelector = null, matchConditions = null } = webhook
    return { rules, namespaceSelector, objectSelector, matchConditions }
  })
  return choices.length === 0 ? view.settings : { ...view.settings, injector: choices }
}
