import { annotations, configPrefixes } from '../facts.ts'
import type { GrammarName } from './annotation-grammar.ts'

/** One annotation that configures the proxy: where it counts, and what it may say. Releases are minor ones: 2.20 is 20. */
export interface ProxyAnnotation {
  readonly key: string
  readonly grammar: GrammarName
  /** First release that knows it. Absent: 2.14 did, the oldest we speak about. */
  readonly since?: number
  /** Last release that knew it. */
  readonly until?: number
  /** Releases in which the injector copies it from the Namespace to Pods, first and last; false: never. */
  readonly inherited: readonly [number, number] | false
}

/** Releases before and after all that we speak about. */
const always = [0, Infinity] as const

const { alpha, beta, stable } = configPrefixes

/** The keys of the native sidecar, the strongest first: where one is present, the next is not asked (inject.go, 2.20). */
export const nativeSidecarKeys = [
  [stable, 'proxy-enable-native-sidecar'],
  [beta, 'proxy-enable-native-sidecar'],
  [alpha, 'proxy-enable-native-sidecar'],
] as const

/**
 * Every annotation with which a Pod or a Namespace configures its proxies (linkerd2 pkg/k8s/labels.go), and which of them a
 * Namespace hands down (pkg/inject/inject.go `ProxyAnnotations`, and its history; recorded from 2.14, 2.18, 2.19 and 26.8).
 */
export const proxyAnnotations: readonly ProxyAnnotation[] = [
  { key: annotations.inject, grammar: 'inject', inherited: always },
  { key: annotations.opaquePorts, grammar: 'free', inherited: always },
  ...known('admin-port', 'port'),
  ...known('control-port', 'port'),
  ...known('inbound-port', 'port'),
  ...known('outbound-port', 'port'),
  ...known('skip-inbound-ports', 'skipPorts'),
  ...known('skip-outbound-ports', 'skipPorts'),
  ...known('skip-subnets', 'subnets'),
  ...known('proxy-require-identity-inbound-ports', 'portList'),
  ...known('default-inbound-policy', 'inboundPolicy'),
  ...known('enable-debug-sidecar', 'bool'),
  ...known('enable-external-profiles', 'bool'),
  ...known('proxy-disable-inbound-protocol-detect-timeout', 'bool'),
  ...known('proxy-disable-outbound-protocol-detect-timeout', 'bool'),
  ...known('proxy-metrics-hostname-labels', 'bool', { since: 18 }),
  { key: `${stable}enable-gateway`, grammar: 'bool', inherited: false },
  ...known('proxy-await', 'onOff'),
  ...known('proxy-admin-shutdown', 'onOff', { since: 16 }),
  ...known('proxy-inbound-connect-timeout', 'duration'),
  ...known('proxy-outbound-connect-timeout', 'duration'),
  ...known('proxy-inbound-discovery-cache-unused-timeout', 'duration'),
  ...known('proxy-outbound-discovery-cache-unused-timeout', 'duration'),
  ...known('shutdown-grace-period', 'duration'),
  { key: `${stable}close-wait-timeout`, grammar: 'duration', inherited: false },
  { key: `${alpha}proxy-wait-before-exit-seconds`, grammar: 'seconds', inherited: always },
  ...known('proxy-uid', 'userId'),
  ...known('proxy-gid', 'groupId', { since: 16 }),
  ...known('proxy-cpu-request', 'quantity'),
  ...known('proxy-cpu-limit', 'quantity'),
  ...known('proxy-memory-request', 'quantity'),
  ...known('proxy-memory-limit', 'quantity'),
  ...known('proxy-ephemeral-storage-request', 'quantity'),
  ...known('proxy-ephemeral-storage-limit', 'quantity'),
  { key: `${stable}proxy-cpu-ratio-limit`, grammar: 'ratio', since: 18, inherited: false },
  ...known('image-pull-policy', 'pullPolicy'),
  ...known('proxy-image', 'free'),
  ...known('proxy-version', 'tag'),
  ...known('proxy-log-level', 'free'),
  ...known('proxy-log-format', 'logFormat'),
  ...known('access-log', 'accessLog'),
  ...known('proxy-log-http-headers', 'httpHeaders', { since: 16 }),
  { key: `${stable}debug-image`, grammar: 'free', inherited: false },
  { key: `${stable}debug-image-version`, grammar: 'tag', inherited: false },
  { key: `${stable}debug-image-pull-policy`, grammar: 'pullPolicy', inherited: false },
  ...known('proxy-additional-env', 'environment', { since: 20 }),
  ...known('pod-inbound-ports', 'overwritten'),
  ...known('init-image', 'free', { until: 19 }),
  ...known('init-image-version', 'tag', { until: 19 }),
  { key: `${stable}disable-identity`, grammar: 'free', until: 11, inherited: false },
  ...known('proxy-enable-native-sidecar', 'bool', { since: 20 }),
  { key: `${beta}proxy-enable-native-sidecar`, grammar: 'bool', since: 19, inherited: [19, 19] },
  { key: `${alpha}proxy-enable-native-sidecar`, grammar: 'bool', since: 15, inherited: [15, Infinity] },
]

function known(
  name: string,
  grammar: GrammarName,
  { since, until }: { readonly since?: number; readonly until?: number } = {},
): ProxyAnnotation[] {
  const releases = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
  return [{ key: `${stable}${name}`, grammar, ...releases, inherited: [since ?? 0, until ?? Infinity] }]
}

const byKey: ReadonlyMap<string, ProxyAnnotation> = new Map(proxyAnnotations.map((one) => [one.key, one]))

/** The proxy annotation of this key, of whatever release. */
export function proxyAnnotation(key: string): ProxyAnnotation | undefined {
  return byKey.get(key)
}

/** Does this release know the annotation? */
export function isKnownIn({ since, until }: ProxyAnnotation, minor: number): boolean {
  return minor >= (since ?? 0) && minor <= (until ?? Infinity)
}

/** Does this release's injector copy the annotation from the Namespace to the Pods it injects? */
export function isInheritedIn({ inherited }: ProxyAnnotation, minor: number): boolean {
  return inherited !== false && minor >= inherited[0] && minor <= inherited[1]
}

const inherited = new Map<number, readonly string[]>()

/** Keys that a Namespace hands down, in this release. */
export function inheritedKeys(minor: number): readonly string[] {
  let keys = inherited.get(minor)
  if (keys === undefined) {
    keys = proxyAnnotations.filter((one) => isInheritedIn(one, minor)).map(({ key }) => key)
    inherited.set(minor, keys)
  }
  return keys
}
