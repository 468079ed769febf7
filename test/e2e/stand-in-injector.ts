import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'

/** Takes the place of Linkerd's injector: adds a proxy to every Pod, and remembers what it was shown. */
export interface StandInInjector {
  /** Pods as they came, in order. */
  readonly seen: readonly { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }[]
  /** Its registration, under the name that Linkerd's has. */
  readonly registration: readonly object[]
  stop(): Promise<void>
}

interface PodReview {
  readonly apiVersion: string
  readonly request: {
    readonly uid: string
    readonly object: StandInInjector['seen'][number] & { readonly spec: { readonly containers: readonly unknown[] } }
  }
}

const proxy = { name: 'linkerd-proxy', image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3' }

/** @param namespace the only one whose Pods it is called for */
export async function startInjector(namespace: string): Promise<StandInInjector> {
  const name = `linkerd-proxy-injector.${namespace}.svc`
  const { ca, cert, key } = makeSelfSigned([name], new Date())
  const seen: StandInInjector['seen'][number][] = []
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const review = (await json(request)) as PodReview
    const { uid, object } = review.request
    seen.push(object)
    const injected = JSON.stringify(object.spec.containers).includes(proxy.name)
    const operations = [
      { op: 'add', path: '/spec/containers/-', value: proxy },
      { op: 'add', path: '/metadata/labels/linkerd.io~1control-plane-ns', value: 'linkerd' },
    ]
    const patch = { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') }
    const verdict = { uid, allowed: true, ...(injected ? {} : patch) }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview', response: verdict }))
  }
  const server = createServer({ cert, key }, (request, response) => {
    // Nobody waits for an answer that fails for ever: the API server goes on without.
    answer(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    seen,
    registration: [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'linkerd-proxy-injector', namespace },
        spec: { type: 'ExternalName', externalName: '127.0.0.1' },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: { name: 'linkerd-proxy-injector-webhook-config' },
        webhooks: [
          {
            name: 'linkerd-proxy-injector.linkerd.io',
            clientConfig: {
              service: { name: 'linkerd-proxy-injector', namespace, path: '/', port },
              caBundle: Buffer.from(ca).toString('base64'),
            },
            rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
            failurePolicy: 'Ignore',
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
            timeoutSeconds: 5,
          },
        ],
      },
    ],
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
