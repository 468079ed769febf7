import type { View } from '../../core/view.ts'
import { injectorService } from '../facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { calledServices } from './called-service.ts'
import { type Trouble, troubleWith, trustIn } from './service-trust.ts'

/**
 * Why the API server cannot call the injector now, or undefined while it can as far as anybody knows: the cause behind a Pod
 * that came without its proxy. What is only about to happen is no cause.
 */
export function injectorTrouble(
  view: View<'Certificate' | 'MutatingWebhookConfiguration' | 'Secret', LinkerdSettings>,
): Trouble | undefined {
  for (const configuration of view.all('MutatingWebhookConfiguration'))
    for (const called of calledServices(configuration)) {
      if (called.service !== injectorService) continue
      const found = trustIn(called, view)
      const trouble = found && troubleWith(called, found)
      if (trouble && !trouble.soon) return trouble
    }
  return undefined
}
