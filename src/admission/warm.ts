import { viewOf } from '../core/view.ts'
import { settingsAmong } from '../linkerd/injection/injector-reach.ts'
import { isNamespaceMeshed, type MeshView, meshReads } from '../linkerd/pods/meshed.ts'
import type { Court } from './court.ts'
import { judge } from './judge.ts'
import type { Review } from './review.ts'

/**
 * Has what reviews derive from the whole cluster made, or corrected, before somebody waits for it: after a quiet spell the next
 * review would catch up with every change at once.
 *
 * It judges a policy that nobody made, about every Pod of one meshed namespace and from and to all others: what rules keep of
 * the cluster is kept for questions like that one. Where nothing is meshed, there is nothing to keep.
 */
export function keepWarm(court: Court): void {
  const settings = settingsAmong(court.snapshot, court.config.linkerd, 'admitted')
  const view = viewOf(court.snapshot, meshReads, settings, 'admitted')
  const namespace = view.derive(findMeshedNamespace)
  if (namespace !== undefined) judge(imaginedReview(namespace), court)
}

function findMeshedNamespace(view: MeshView): string | undefined {
  for (const name of view.namespacesWith('Namespace'))
    if (view.inNamespace('Pod', name).length > 0 && isNamespaceMeshed(name, view) === 'yes') return name
  return undefined
}

function imaginedReview(namespace: string): Review {
  const anyone = [{ namespaceSelector: {} }]
  const ports = [{ protocol: 'TCP', port: 8080 }]
  // No object can have this name.
  const name = 'Imagined'
  return {
    apiVersion: 'admission.k8s.io/v1',
    uid: name,
    operation: 'CREATE',
    kind: { group: 'networking.k8s.io', version: 'v1', kind: 'NetworkPolicy' },
    subResource: '',
    namespace,
    name,
    dryRun: true,
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name, namespace },
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: anyone, ports }],
        egress: [{ to: anyone, ports }],
      },
    },
    oldObject: null,
  }
}
