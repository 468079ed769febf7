import type { View } from '../../core/view.ts'
import { type PodKind, type PodTemplate, podKinds, podTemplateOf } from '../../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { selects } from '../../k8s/selector.ts'
import { isMeshed, type Meshed } from '../pods/meshed.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type opaqueReads, type PodSide, podPortsNamed, podSideOf } from './opaque-ports.ts'

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
  const { podSelector, port: wanted } = server.spec
  if (podSelector == null || wanted == null) return []
  return podKinds
    .flatMap((kind) => view.inNamespace<PodKind>(kind, server.namespace))
    .map((pod) => ({ pod, template: podTemplateOf(pod) }))
    .filter(({ template }) => selects(podSelector, labelsOf(template.metadata)))
    .flatMap(({ pod, template }) => {
      const meshed = isMeshed(template, pod.namespace, view)
      if (meshed === 'no') return []
      const numbers = typeof wanted === 'number' ? [wanted] : podPortsNamed(template, wanted, 'TCP')
      return numbers.flatMap((port) => {
        const side = podSideOf(template, pod.namespace, port, view)
        return side.server?.name === server.name && !side.unknown ? [{ pod, template, meshed, port, side }] : []
      })
    })
}
