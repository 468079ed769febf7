import { isUnresolved } from '../../k8s/json.ts'
import { containersOf, type PodTemplate } from '../../k8s/pod-template.ts'
import { annotationOf } from '../../k8s/resource.ts'
import type { ObjectMeta, Spec } from '../../k8s/spec-shapes.ts'
import { annotations } from '../facts.ts'
import type { LinkerdSettings } from '../settings.ts'

/** What of {@link LinkerdSettings} the injector's list depends on: the chart's `proxy.opaquePorts`, and the release. */
export type OpaqueDefaults = Pick<LinkerdSettings, 'opaquePorts' | 'minor'>

/** What the injector does to an object's opaque-ports annotation when the object is created. */
export interface Written {
  /** The value it writes. Undefined: none, and at run time the whole default list applies. */
  readonly list?: string
  /** Its patch is not JSON: the API server drops all of it, or refuses the object, by the webhook's failurePolicy. */
  readonly undecodable?: true
}

/**
 * What the injector writes as `config.linkerd.io/opaque-ports` on a Service when it is created (linkerd2
 * pkg/inject/inject.go, CreateOpaquePortsPatch): nothing where the key is there already, else the namespace's value, else
 * the Service ports whose target is in the default list. A named target never matches; without a target the port itself is
 * asked. The default list is compared token by token, so that a range or a space in it never matches.
 *
 * @param namespace metadata of the namespace
 */
export function injectedOnService(
  metadata: ObjectMeta,
  spec: Spec<'Service'>,
  namespace: ObjectMeta | undefined,
  { opaquePorts }: OpaqueDefaults,
): Written {
  return written(metadata, namespace, true, () => {
    const tokens = opaquePorts.split(',')
    return (spec.ports ?? []).flatMap((port) => {
      const target = port?.targetPort
      if (isUnresolved(port?.port) || isUnresolved(target)) return []
      if (typeof target === 'string' && target !== '') return []
      const asked = target === undefined || target === null || target === '' || target === 0 ? port?.port : target
      return tokens.includes(String(asked ?? 0)) ? [String(port?.port ?? 0)] : []
    })
  })
}

/**
 * The same for a Pod: the default ports among its declared ones, of init containers too (since 2.20), whatever their
 * protocol, in container order with duplicates.
 *
 * @param injected does the Pod get its proxy as well? Then the value is written by another template.
 */
export function injectedOnPod(
  { metadata, spec }: Pick<PodTemplate, 'metadata' | 'spec'>,
  namespace: ObjectMeta | undefined,
  { opaquePorts, minor }: OpaqueDefaults,
  injected: boolean,
): Written {
  return written(metadata, namespace, !injected, () => {
    const tokens = opaquePorts.split(',')
    return containersOf(spec)
      .filter(({ init }) => !init || minor >= 20)
      .flatMap(({ container }) => container.ports ?? [])
      .map((port) => String(port?.containerPort ?? 0))
      .filter((port) => tokens.includes(port))
      .toArray()
  })
}

function written(
  metadata: ObjectMeta,
  namespace: ObjectMeta | undefined,
  escaped: boolean,
  byDefault: () => readonly string[],
): Written {
  if (annotationOf(metadata, annotations.opaquePorts) !== undefined) return {}
  const copied = annotationOf(namespace, annotations.opaquePorts)
  if (copied !== undefined) return throughTemplate(escaped ? escapeForHtml(copied) : copied)
  const ports = byDefault()
  return ports.length > 0 ? { list: ports.join(',') } : {}
}

/**
 * The value is put between quotes as it is (linkerd2 charts/patch/templates/patch.json), so that the API server reads it as
 * JSON: a backslash escapes, a quotation mark or a line break spoils the whole patch.
 */
function throughTemplate(value: string): Written {
  try {
    return { list: String(JSON.parse(`"${value}"`)) }
  } catch {
    return { undecodable: true }
  }
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
