import { isUnresolved } from '../k8s/json.ts'
import type { ObjectMeta, Spec } from '../k8s/kinds.ts'
import { containersOf, type PodTemplate } from '../k8s/pod-template.ts'
import { annotationOf } from '../k8s/resource.ts'
import { annotations } from './facts.ts'

/**
 * What the injector writes as `config.linkerd.io/opaque-ports` on a Service when it is created (linkerd2
 * pkg/inject/inject.go, CreateOpaquePortsPatch): nothing where the key is there already, else the namespace's value
 * verbatim, else the Service ports whose target is in the default list. A named target never matches; without a target the
 * port itself is asked. Undefined: nothing is written, and at run time the whole default list applies.
 *
 * @param namespace metadata of the namespace
 * @param defaults the chart's `proxy.opaquePorts`; compared token by token, so a range in it never matches
 */
export function injectedOnService(
  metadata: ObjectMeta,
  spec: Spec<'Service'>,
  namespace: ObjectMeta | undefined,
  defaults: string,
): string | undefined {
  return inherited(metadata, namespace, true, () => {
    const tokens = defaults.split(',')
    return (spec.ports ?? []).flatMap((port) => {
      const target = port?.targetPort
      if (isUnresolved(port?.port) || isUnresolved(target)) return []
      // A named target is the number 0 to the injector only when it is a name; an absent one asks for the port itself.
      if (typeof target === 'string' && target !== '') return []
      const asked = target === undefined || target === null || target === '' || target === 0 ? port?.port : target
      return tokens.includes(String(asked ?? 0)) ? [String(port?.port ?? 0)] : []
    })
  })
}

/**
 * The same for a Pod: the default ports among its declared ones, of init containers too, whatever their protocol, in
 * container order with duplicates.
 *
 * @param injected does the Pod get its proxy as well? Only then is a namespace's value copied as it is.
 */
export function injectedOnPod(
  { metadata, spec }: PodTemplate,
  namespace: ObjectMeta | undefined,
  defaults: string,
  injected: boolean,
): string | undefined {
  return inherited(metadata, namespace, !injected, () => {
    const tokens = defaults.split(',')
    return containersOf(spec)
      .flatMap(({ container }) => container.ports ?? [])
      .map((port) => String(port?.containerPort ?? 0))
      .filter((port) => tokens.includes(port))
      .toArray()
  })
}

function inherited(
  metadata: ObjectMeta,
  namespace: ObjectMeta | undefined,
  escaped: boolean,
  byDefault: () => readonly string[],
): string | undefined {
  if (annotationOf(metadata, annotations.opaquePorts) !== undefined) return undefined
  const copied = annotationOf(namespace, annotations.opaquePorts)
  if (copied !== undefined) return escaped ? escapeForHtml(copied) : copied
  const ports = byDefault()
  return ports.length > 0 ? ports.join(',') : undefined
}

/** The patch of an annotation alone goes through Go's html/template; nothing parses what comes out. */
function escapeForHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
    '+': '&#43;',
  }
  return text.replaceAll(/[&<>"'+]/g, (character) => entities[character] ?? character)
}
