import type { View } from '../../core/view.ts'
import { type PodKind, type PodTemplate, podTemplateOf } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { isMeshed, type Meshed } from '../pods/meshed.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type opaqueReads, type PodSide, podPortsNamed, podSideOf } from './opaque-ports.ts'
import { podsOfServer } from './pod-selection.ts'

/** A port for which a Server decides. */
export interface ServerTarget {
  readonly pod: Resource<PodKind>
  readonly template: PodTemplate
  readonly meshed: Meshed
  readonly port: number
  readonly side: PodSide
}

/** The known ports, of Pods that are or may be meshed, for which this Server decides; not those for which an older one does. */
export function targetsOfServer(
  server: Resource<'Server'>,
  view: View<(typeof opaqueReads)[number], LinkerdSettings>,
): ServerTarget[] {
  const wanted = server.spec.port
  if (wanted == null) return []
  return podsOfServer(server, view).flatMap((pod) => {
    const template = podTemplateOf(pod)
    const meshed = isMeshed(template, pod.namespace, view)
    if (meshed === 'no') return []
    const numbers = typeof wanted === 'number' ? [wanted] : podPortsNamed(template, wanted, 'TCP')
    return numbers.flatMap((port) => {
      const side = podSideOf(template, pod.namespace, port, view)
      return side.server?.name === server.name && !side.unknown ? [{ pod, template, meshed, port, side }] : []
    })
  })
}
