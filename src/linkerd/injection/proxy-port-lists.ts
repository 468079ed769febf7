import { containersOf } from '../../k8s/pod-template.ts'
import { annotationOf } from '../../k8s/resource.ts'
import type { ObjectMeta, PodSpec } from '../../k8s/spec-shapes.ts'
import { annotations } from '../facts.ts'

/** A list for the proxy's environment, and what the injector logs while it makes it. */
export interface ProxyPortList {
  readonly list: string
  readonly warnings: readonly string[]
}

/**
 * The opaque ports with which an injected proxy starts, until the policy controller tells it better: its annotation's, or
 * else its Namespace's, with names resolved and what cannot be read left out (linkerd2 pkg/util/parsing.go
 * `ParseContainerOpaquePorts`); the whole default list where there is neither.
 *
 * @param written what the injector wrote by itself ({@link file://./injected-opaque-ports.ts})
 */
export function opaquePortsOfProxy(
  { metadata, spec }: { readonly metadata: ObjectMeta; readonly spec: PodSpec },
  namespace: ObjectMeta | undefined,
  written: string | undefined,
  byDefault: string,
): ProxyPortList {
  const value =
    annotationOf(metadata, annotations.opaquePorts) ?? annotationOf(namespace, annotations.opaquePorts) ?? written
  if (value === undefined) return { list: byDefault, warnings: [] }
  const named = new Map<string, number>()
  for (const { container } of containersOf(spec))
    for (const port of container.ports ?? [])
      if (port?.name && typeof port.containerPort === 'number') named.set(port.name, port.containerPort)

  const warnings: string[] = []
  const tokens = value
    .replace(/,$/, '')
    .split(',')
    .flatMap((raw) => {
      const token = raw.trim()
      const port = named.get(token)
      if (port !== undefined) return [String(port)]
      const range = readRange(token)
      if ('error' in range) warnings.push(`Invalid port range [{0 0}]: ${range.error}`)
      return 'error' in range ? [] : [range.from === range.to ? String(range.from) : `${range.from}-${range.to}`]
    })
  return { list: tokens.join(','), warnings }
}

/** The declared ports, sorted as texts: what a proxy takes for its Pod's own. Init containers count since 2.20. */
export function inboundPortsOf(spec: PodSpec, minor: number): string {
  const ports = containersOf(spec)
    .filter(({ init }) => !init || minor >= 20)
    .flatMap(({ container }) => container.ports ?? [])
    .map((port) => String(port?.containerPort ?? 0))
    .toArray()
  return [...new Set(ports)].toSorted().join(',')
}

type Range = { readonly from: number; readonly to: number } | { readonly error: string }

/** linkerd2 pkg/util/portrange.go `ParsePortRange`, with its words. */
function readRange(token: string): Range {
  const bounds = token.split('-')
  const [lower = '', upper = lower] = bounds
  if (bounds.length > 2) return { error: 'ranges expected as <lower>-<upper>' }
  const from = readPort(lower)
  const to = readPort(upper)
  if (from === undefined) return { error: `"${lower}" is not a valid lower-bound` }
  if (to === undefined) return { error: `"${upper}" is not a valid upper-bound` }
  return to < from ? { error: `"${token}": upper-bound must be greater than or equal to lower-bound` } : { from, to }
}

function readPort(text: string): number | undefined {
  return /^\+?\d+$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}
