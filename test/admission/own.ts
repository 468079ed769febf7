import type { OwnNames } from '../../src/admission/own-configurations.ts'
import { mutatingWebhooks, validatingWebhooks, type Webhook } from '../../src/admission/registration.ts'
import { createStore, type Store } from '../../src/core/store.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'

/** What a cluster knows us by, in these tests: not by the usual namespace. */
export const own: OwnNames = { validating: 'meshgate', mutating: 'a-meshgate', service: 'meshgate', namespace: 'guard' }

export const registration = { validating: validatingWebhooks(rules), mutating: mutatingWebhooks(rules) }

/** Part of a configuration as people edit it: JSON, right or wrong. */
export type Edited = ReturnType<typeof JSON.parse>

/** Both configurations as the chart installs them in the namespace `guard`. */
export function installed(caBundle = Buffer.from('a bundle').toString('base64')): {
  validating: Edited
  mutating: Edited
} {
  const configuration = (kind: string, name: string, path: string, webhooks: readonly Webhook[]): Edited => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    webhooks: webhooks.map((webhook): Edited => {
      const text = JSON.stringify(webhook).replaceAll(/(['"])meshgate\1/g, '$1guard$1')
      return {
        ...JSON.parse(text),
        clientConfig: { caBundle, service: { name: 'meshgate', namespace: 'guard', path, port: 443 } },
      }
    }),
  })
  return {
    validating: configuration('ValidatingWebhookConfiguration', own.validating, '/validate', registration.validating),
    mutating: configuration('MutatingWebhookConfiguration', own.mutating, '/mutate', registration.mutating),
  }
}

/** A cluster that has just these objects. */
export function storeWith(...objects: readonly object[]): Store {
  const store = createStore()
  for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'] as const)
    store.mark(kind, undefined)
  for (const object of objects) {
    const read = readResource(object, undefined)
    if (read.as !== 'resource') throw new Error(JSON.stringify(read))
    store.upsert(read.resource)
  }
  return store
}
