import { isObject, own } from '../k8s/json.ts'
import { identity, installation, minorsByEdge } from './facts.ts'
import type { LinkerdSettings } from './settings.ts'

/** What a cluster's own objects say of its Linkerd; each undefined while it is not known, null where it does not exist. */
export interface LinkerdObjects {
  /** Helm values, parsed from ConfigMap `linkerd-config`. */
  readonly values: unknown
  /** Deployment `linkerd-destination`. */
  readonly destination: unknown
  /** ConfigMap `linkerd-identity-trust-roots`. */
  readonly trustRoots: unknown
}

/** What follows from {@link LinkerdObjects}. Settings that nothing is said about are absent. */
export interface LinkerdOfCluster {
  readonly settings: Partial<LinkerdSettings>
  /** PEM of the mesh's trust anchors, as every proxy gets them. Undefined while it is not known. */
  readonly trustRoots: string | undefined
}

/** Reads Linkerd's settings from its objects. What is not of the right type says nothing. */
export function linkerdOfCluster({ values, destination, trustRoots }: LinkerdObjects): LinkerdOfCluster {
  const proxy = member(values, 'proxy')
  const ports = member(proxy, 'ports')
  const found: { -readonly [K in keyof LinkerdSettings]?: LinkerdSettings[K] | undefined } = {
    transportMode: transportModeOf(values, destination),
    inboundPort: port(member(ports, 'inbound')),
    adminPort: port(member(ports, 'admin')),
    controlPort: port(member(ports, 'control')),
    opaquePorts: textOrNumber(member(proxy, 'opaquePorts')),
    minor: minorOf(member(values, 'linkerdVersion')),
    serviceAccountTokenProjection: flag(member(member(values, 'identity'), 'serviceAccountTokenProjection')),
    clusterNetworks: networks(member(values, 'clusterNetworks')),
  }
  const said = Object.entries(found).filter(([, value]) => value !== undefined)
  return {
    settings: Object.fromEntries(said),
    trustRoots: text(member(member(trustRoots, 'data'), identity.trustRootsKey)),
  }
}

/**
 * How proxies reach each other. The destination controller decides, and takes anything but `transport-header` for
 * `transparent`, also no flag at all (linkerd2 controller/cmd/destination/main.go). Where its Deployment cannot be read, the
 * Helm values say it; releases before edge-25.3.1 do not know the value, and are transparent.
 */
function transportModeOf(values: unknown, destination: unknown): LinkerdSettings['transportMode'] | undefined {
  const spec = member(member(member(destination, 'spec'), 'template'), 'spec')
  const containers = member(spec, 'containers')
  const container = Array.isArray(containers)
    ? containers.find((one) => member(one, 'name') === installation.destinationContainer)
    : undefined
  if (container !== undefined) return modeFrom(flagIn(member(container, 'args'), installation.transportModeFlag))
  if (!isObject(values)) return undefined
  return modeFrom(member(member(values, 'proxy'), 'outboundTransportMode'))
}

function modeFrom(value: unknown): LinkerdSettings['transportMode'] {
  return value === 'transport-header' ? 'transport-header' : 'transparent'
}

/** A flag as Go's package flag reads it: `-name=value`, `--name=value`, or the value as the next argument; the last one wins. */
function flagIn(args: unknown, name: string): string | undefined {
  let found: string | undefined
  if (!Array.isArray(args)) return found
  for (const [i, argument] of args.entries()) {
    const match = /^--?([^=]+)(?:=(.*))?$/s.exec(String(argument))
    if (match?.[1] === name) found = match[2] ?? String(args[i + 1] ?? '')
  }
  return found
}

/**
 * The minor release: of `stable-2.14.10` and vendors' `enterprise-2.18.1` the number, of `edge-25.4.4` the release cut from it
 * or last before it. Undefined for development builds.
 */
function minorOf(version: unknown): number | undefined {
  const match = /^([a-z]+)-(\d+)\.(\d+)(?:\.(\d+))?/.exec(typeof version === 'string' ? version : '')
  if (!match) return undefined
  const [first, second, third] = [Number(match[2]), Number(match[3]), Number(match[4] ?? 0)]
  if (match[1] !== 'edge') return first === 2 ? second : undefined
  const at = (first * 100 + second) * 100 + third
  const oldest = minorsByEdge.at(-1)?.[3] ?? 0
  return minorsByEdge.find(([year, month, patch]) => at >= (year * 100 + month) * 100 + patch)?.[3] ?? oldest - 1
}

function member(value: unknown, key: string): unknown {
  return isObject(value) ? own(value, key) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function port(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return Number.isInteger(number) && (number as number) > 0 && (number as number) < 65_536
    ? (number as number)
    : undefined
}

/** Helm values: a single port is a number to YAML. */
function textOrNumber(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** Helm `clusterNetworks`: CIDRs with commas between them. */
function networks(value: unknown): string[] | undefined {
  if (typeof value !== 'string') return undefined
  return value
    .split(',')
    .map((cidr) => cidr.trim())
    .filter((cidr) => cidr !== '')
}
