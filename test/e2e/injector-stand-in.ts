import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Issued } from '../pki/issue.ts'

/**
 * A stand-in for Linkerd's injector: it adds to every Pod what the real one was recorded to add, as far as meshgate looks at
 * it, in the form of the release or in the classic one. It asks nobody whether it should.
 */
export interface StandInInjector {
  readonly port: number
  /** From the next connection on; there are no kept ones. */
  serve(certificate: Issued): void
  kill(): Promise<void>
  /** Again at the same port. */
  start(): Promise<void>
}

interface PodReview {
  readonly apiVersion: string
  readonly request: { readonly uid: string; readonly object: WirePod }
}

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

/** From Helm's `proxy.nativeSidecar`, which the annotation overrides: after linkerd-init as a native sidecar, or first. */
function inject({ metadata, spec }: WirePod): object[] {
  const native = metadata.annotations?.[classicForm] !== 'false'
  const added = {
    labels: { 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': 'shop' },
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

export const startInjectorStandIn = (certificate: Issued) => startPodWebhook(certificate, inject)

/** A mutating webhook for Pods. */
export async function startPodWebhook(
  { pem, key }: Issued,
  mutate: (pod: WirePod) => readonly object[],
): Promise<StandInInjector> {
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const { apiVersion, request: asked } = (await json(request)) as PodReview
    const patch = Buffer.from(JSON.stringify(mutate(asked.object))).toString('base64')
    const answer = { uid: asked.uid, allowed: true, patchType: 'JSONPatch', patch }
    response.setHeader('content-type', 'application/json')
    // A kept connection outlives its certificate; here each call verifies it.
    response.setHeader('connection', 'close')
    response.end(JSON.stringify({ apiVersion, kind: 'AdmissionReview', response: answer }))
  }
  const server = createServer(
    { cert: pem, key, minVersion: 'TLSv1.3' },
    (request, response) => void answerTo(request, response),
  )
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    serve: (next) => server.setSecureContext({ cert: next.pem, key: next.key }),
    start: () => listen(port),
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
