import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/load.ts'
import { type Snapshot, snapshotOf } from '../../src/core/snapshot.ts'
import { loadText } from '../../src/manifests/load.ts'
import { rules } from '../../src/rules/index.ts'

/** An object as the API server sends it. */
export interface WireObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly [member: string]: unknown
}

/** The AdmissionReview of an object's creation, with what is different about this one. */
export function reviewOf(object: WireObject, different: Readonly<Record<string, unknown>> = {}) {
  const [version = '', group = ''] = object.apiVersion.split('/').toReversed()
  const { name = '', namespace = '' } = object.metadata
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version, kind: object.kind },
      resource: { group, version, resource: `${object.kind.toLowerCase()}s` },
      name,
      namespace,
      operation: 'CREATE',
      userInfo: { username: 'admin', groups: ['system:authenticated'] },
      object,
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      ...different,
    },
  }
}

/** A namespace whose Pods are meshed, and one workload in it: YAML. */
export const shopManifests = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example/web, ports: [{containerPort: 8080}]}]}
`

export const shop: Snapshot = snapshotOf(loadText('shop.yaml', shopManifests).resources, 'input')

/** A policy of that namespace for these ports: with a finding unless 4143 is one of them. */
export function policyFor(ports: readonly number[], metadata: Readonly<Record<string, unknown>> = {}): WireObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      policyTypes: ['Ingress'],
      ingress: ports.map((port) => ({
        from: [{ podSelector: { matchLabels: { app: 'web' } } }],
        ports: [{ protocol: 'TCP', port }],
      })),
    },
  }
}

/** A Service with a finding that can be fixed: NATS speaks first. */
export function natsService(metadata: Readonly<Record<string, unknown>> = {}): WireObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'nats', namespace: 'shop', ...metadata },
    spec: { selector: { app: 'nats' }, ports: [{ name: 'nats', port: 4222, protocol: 'TCP', targetPort: 4222 }] },
  }
}

/** The injector's registration, without which nothing is injected in a cluster. */
export const injector: WireObject = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'linkerd-proxy-injector-webhook-config' },
  webhooks: [
    {
      name: 'linkerd-proxy-injector.linkerd.io',
      clientConfig: { service: { name: 'linkerd-proxy-injector', namespace: 'linkerd' } },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'services'] }],
    },
  ],
}

/** A configuration from YAML. */
export function configOf(yaml: string): Config {
  return parseConfig(
    'meshgate.yaml',
    yaml,
    rules.map((rule) => rule.id),
  )
}

/** Every rule of meshgate denies, and fixes. */
export const strict: Config = configOf(
  `rules: {${rules.map((rule) => `${rule.id}: {enforcement: deny, fix: true}`).join(', ')}}`,
)

/** The body of a review whose object has the keys of JavaScript's own, and a finding all the same. */
export const oddPolicy: string = JSON.stringify(reviewOf(policyFor([8080]))).replace(
  '"metadata":{',
  '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1,' +
    '"metadata":{"annotations":{"__proto__":"x","constructor":"y","hasOwnProperty":"z"},"__proto__":{"polluted":true},',
)
