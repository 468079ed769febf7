/*
 * Linkerd's injector, as far as meshgate looks at it: how its chart registers it, and, for a stand-in, what the real one was
 * recorded to add to a Pod, in the form of the release or in the classic one. It asks nobody whether it should.
 */

export interface WirePod {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly containers: readonly { readonly name: string }[]
    readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[]
  }
}

const classicForm = 'config.linkerd.io/proxy-enable-native-sidecar'

const init = { name: 'linkerd-init', image: 'cr.l5d.io/linkerd/proxy-init:v2.4.3' }
const proxy = { name: 'linkerd-proxy', image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3' }

/**
 * From Helm's `proxy.nativeSidecar`, which the annotation overrides: after linkerd-init as a native sidecar, or first.
 *
 * @returns a JSON Patch
 */
export function inject({ metadata, spec }: WirePod, { namespace }: { readonly namespace: string }): object[] {
  const native = metadata.annotations?.[classicForm] !== 'false'
  const added = {
    labels: { 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': namespace },
    annotations: { 'linkerd.io/created-by': 'linkerd/proxy-injector edge-26.8.3' },
  }
  const sidecar = { ...proxy, restartPolicy: 'Always' }
  return [
    { op: 'add', path: '/metadata/labels', value: { ...metadata.labels, ...added.labels } },
    { op: 'add', path: '/metadata/annotations', value: { ...metadata.annotations, ...added.annotations } },
    {
      op: 'add',
      path: '/spec/initContainers',
      value: [init, ...(native ? [sidecar] : []), ...(spec.initContainers ?? [])],
    },
    ...(native ? [] : [{ op: 'add', path: '/spec/containers', value: [proxy, ...spec.containers] }]),
  ]
}

interface ServiceReference {
  readonly name: string
  readonly namespace: string
  readonly port?: number
}

export const injectorService: ServiceReference = { name: 'linkerd-proxy-injector', namespace: 'linkerd' }
export const injectorConfiguration = 'linkerd-proxy-injector-webhook-config'

/**
 * A webhook for Pods, registered as Linkerd's chart registers the injector.
 *
 * @param pem the certificates of its caBundle
 * @param different what is not so
 */
export function podWebhook(name: string, service: ServiceReference, pem = '', different: object = {}) {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: `${service.name}.linkerd.io`,
        clientConfig: { service, ...(pem === '' ? {} : { caBundle: Buffer.from(pem).toString('base64') }) },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: {
          matchExpressions: [
            { key: 'config.linkerd.io/admission-webhooks', operator: 'NotIn', values: ['disabled'] },
            { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'cert-manager'] },
          ],
        },
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
        ...different,
      },
    ],
  }
}

/** Linkerd is installed, and nobody answers: Pods come without their proxy. */
export const silentInjector = podWebhook(injectorConfiguration, injectorService, '', { namespaceSelector: {} })
