import { type Cache, createCache } from '../../core/cache.ts'
import { annotations, configPrefixes, defaultProxy } from '../facts.ts'
import {
  type Parsed,
  parseGoBool,
  parseGoDuration,
  parseGoFloat,
  parseGoInt,
  parseGoUint,
  parseQuantity,
} from '../go-values.ts'
import type { LinkerdSettings } from '../settings.ts'
import { inboundPolicies } from './annotation-grammar.ts'
import { type AnnotationReader, annotationReader } from './annotation-reader.ts'
import { nativeSidecarKeys, proxyAnnotation } from './proxy-annotations.ts'

/** Requests or limits, as written. */
export type ResourceList = Readonly<Partial<Record<'cpu' | 'memory' | 'ephemeral-storage', string>>>

/** The proxy that the injector would add, as far as annotations decide about it. Texts are as written; '' is not set. */
export interface ProxyConfig {
  readonly ingress: boolean
  readonly native: boolean
  readonly await: boolean
  readonly waitBeforeExitSeconds: number
  readonly image: string
  /** The tag; '' is the control plane's own. */
  readonly version: string
  readonly pullPolicy: string
  /** Of linkerd-init, before 2.20. */
  readonly initImage: string
  readonly initVersion: string
  readonly ports: Readonly<Record<'admin' | 'control' | 'inbound' | 'outbound', number>>
  readonly uid: number
  /** Negative: not set. */
  readonly gid: number
  readonly requests: ResourceList
  readonly limits: ResourceList
  /** Worker threads, from the CPU's request and limit. */
  readonly cores: { readonly min: number; readonly max?: number; readonly maxRatio?: string }
  readonly skipInboundPorts: string
  readonly skipOutboundPorts: string
  readonly skipSubnets: string
  readonly closeWaitTimeoutSecs: number
  readonly logLevel: string
  readonly logFormat: string
  readonly logHttpHeaders: string
  readonly accessLog: string
  readonly requireIdentityOnInboundPorts: string
  readonly defaultInboundPolicy: string
  readonly hostnameLabels: boolean
  readonly gateway: boolean
  readonly externalProfiles: boolean
  readonly shutdownEndpoint: boolean
  readonly shutdownGracePeriod: string
  readonly inboundConnectTimeout: string
  readonly outboundConnectTimeout: string
  readonly inboundDiscoveryTimeout: string
  readonly outboundDiscoveryTimeout: string
  readonly inboundDetectTimeoutDisabled: boolean
  readonly outboundDetectTimeoutDisabled: boolean
  /** The debug container, where it is asked for: `image:tag`, with an empty tag for the control plane's own. */
  readonly debug: { readonly image: string; readonly version: string; readonly pullPolicy: string } | undefined
}

/** What the injector makes of annotations: the proxy, and what it writes to its own log meanwhile. */
export interface ConfiguredProxy {
  readonly config: ProxyConfig
  readonly warnings: readonly string[]
}

/**
 * The proxy that these annotations configure (linkerd2 pkg/inject/inject.go `ApplyAnnotationOverrides`). A value that cannot
 * be read leaves the default in place; for some of them a warning goes to the injector's log, and nowhere else.
 *
 * @param merged the Pod's annotations, with those of its Namespace that the injector copies
 */
export function configureProxy(merged: ReadonlyMap<string, string>, settings: LinkerdSettings): ConfiguredProxy {
  let key = ''
  for (const [name, text] of merged) if (proxyAnnotation(name)) key += `${name}=${JSON.stringify(text)}\n`
  if (key.length > longestKept) return configure(merged, settings)
  let known = configured.get(settings)
  if (known === undefined) configured.set(settings, (known = createCache()))
  return known(key, () => configure(merged, settings))
}

/** Most Pods say nothing of their proxy, and those of a namespace the same. More text than this would only fill the memory. */
const longestKept = 500

const configured = new WeakMap<LinkerdSettings, Cache<ConfiguredProxy>>()

function configure(merged: ReadonlyMap<string, string>, settings: LinkerdSettings): ConfiguredProxy {
  const { minor } = settings
  const reader = annotationReader(merged, minor)
  const { text, value, bool, onOff, port, duration } = reader
  const requests = resources(reader, 'request')
  const limits = resources(reader, 'limit')
  const config: ProxyConfig = {
    ingress: merged.get(annotations.inject) === 'ingress',
    native: isNative(reader, settings),
    await: onOff('proxy-await', true),
    waitBeforeExitSeconds: value(
      'proxy-wait-before-exit-seconds',
      parseGoUint,
      0,
      (key, _, seconds) => `unrecognized value used for the ${key} annotation, uint64 is expected: ${seconds}`,
      configPrefixes.alpha,
    ),
    image: text('proxy-image', defaultProxy.image),
    version: text('proxy-version', ''),
    pullPolicy: text('image-pull-policy', '') || defaultProxy.pullPolicy,
    initImage: text('init-image', defaultProxy.initImage),
    initVersion: text('init-image-version', '-'),
    ports: {
      admin: port('admin-port', settings.adminPort),
      control: port('control-port', settings.controlPort),
      inbound: port('inbound-port', settings.inboundPort),
      outbound: port('outbound-port', defaultProxy.outboundPort),
    },
    uid: value('proxy-uid', parseId, defaultProxy.uid),
    gid: value('proxy-gid', parseId, -1),
    requests,
    limits,
    cores: coresOf(requests, limits, ratioOf(reader)),
    skipInboundPorts: text('skip-inbound-ports', defaultProxy.skipPorts),
    skipOutboundPorts: text('skip-outbound-ports', defaultProxy.skipPorts),
    skipSubnets: text('skip-subnets', ''),
    closeWaitTimeoutSecs: value('close-wait-timeout', parseWholeSeconds, 0, invalidDuration),
    logLevel: text('proxy-log-level', defaultProxy.logLevel),
    logFormat: text('proxy-log-format', 'plain'),
    logHttpHeaders: text('proxy-log-http-headers', 'off'),
    accessLog: text('access-log', ''),
    requireIdentityOnInboundPorts: text('proxy-require-identity-inbound-ports', ''),
    defaultInboundPolicy: value(
      'default-inbound-policy',
      (policy) => (inboundPolicies(minor).includes(policy) ? { value: policy } : { error: '' }),
      'all-unauthenticated',
      (key) =>
        `unrecognized value used for the ${key} annotation, valid values are: [${inboundPolicies(minor).join(', ')}]`,
    ),
    hostnameLabels: bool('proxy-metrics-hostname-labels'),
    gateway: bool('enable-gateway'),
    externalProfiles: bool('enable-external-profiles'),
    shutdownEndpoint: onOff('proxy-admin-shutdown', false),
    shutdownGracePeriod: duration('shutdown-grace-period', 'ms', '', foundOnPod('proxy-shutdown-grace-period')),
    inboundConnectTimeout: connectTimeout(reader, 'proxy-inbound-connect-timeout', '100ms'),
    outboundConnectTimeout: connectTimeout(reader, 'proxy-outbound-connect-timeout', '1000ms'),
    inboundDiscoveryTimeout: duration('proxy-inbound-discovery-cache-unused-timeout', 's', '90s', usedOnPod),
    outboundDiscoveryTimeout: duration('proxy-outbound-discovery-cache-unused-timeout', 's', '5s', usedOnPod),
    inboundDetectTimeoutDisabled: bool('proxy-disable-inbound-protocol-detect-timeout', notBool),
    outboundDetectTimeoutDisabled: bool('proxy-disable-outbound-protocol-detect-timeout', notBool),
    debug: debugOf(reader),
  }
  return { config, warnings: reader.warnings }
}

function parseId(text: string): Parsed<number> {
  return parseGoInt(text, 64)
}

function parseWholeSeconds(text: string): Parsed<number> {
  const parsed = parseGoDuration(text)
  return 'error' in parsed ? parsed : { value: Math.trunc(parsed.value / 1000) }
}

function invalidDuration(key: string, _: string, text: string): string {
  return `invalid duration value used for the ${key} annotation: ${text}`
}

function foundOnPod(name: string) {
  return (_: string, error: string) => `unrecognized ${name} duration value found on pod annotation: ${error}`
}

function usedOnPod(key: string, error: string): string {
  return `unrecognized duration value used on pod annotation ${key}: ${error}`
}

function notBool(key: string, error: string): string {
  return `unrecognised value used on pod annotation ${key}: ${error}`
}

function connectTimeout({ duration }: AnnotationReader, name: string, fallback: string): string {
  return duration(name, 'ms', fallback, foundOnPod(name))
}

/**
 * Is the proxy an init container that stays? Asked key by key, the settled name first: where one is present the next does not
 * count, even when its value is no boolean. A value that is none changes nothing, without a word in the log.
 */
function isNative({ find }: AnnotationReader, { minor, nativeSidecar }: LinkerdSettings): boolean {
  const byDefault = minor >= 15 && (nativeSidecar === 'by-release' ? minor >= 20 : nativeSidecar === 'enabled')
  const text = nativeSidecarKeys.map(([prefix, name]) => find(name, prefix)).find((one) => one !== undefined)
  const parsed = parseGoBool(text ?? '')
  return 'value' in parsed ? parsed.value : byDefault
}

function debugOf({ bool, text }: AnnotationReader): ProxyConfig['debug'] {
  if (!bool('enable-debug-sidecar', (key, _, value) => `unrecognized value used for the ${key} annotation: ${value}`))
    return undefined
  return {
    image: text('debug-image', defaultProxy.debugImage),
    version: text('debug-image-version', ''),
    pullPolicy: text('debug-image-pull-policy', '') || defaultProxy.pullPolicy,
  }
}

function resources({ value }: AnnotationReader, bound: 'request' | 'limit'): ResourceList {
  const list: Partial<Record<keyof ResourceList, string>> = {}
  for (const resource of ['cpu', 'memory', 'ephemeral-storage'] as const) {
    const quantity = value(`proxy-${resource}-${bound}`, asQuantity, '', (key, error) => `${error} (${key})`)
    if (quantity !== '') list[resource] = quantity
  }
  return list
}

function asQuantity(text: string): Parsed<string> {
  const parsed = parseQuantity(text)
  return 'error' in parsed ? parsed : { value: text }
}

/** The share of the node's cores: above 0 and below 1. `NaN` passes both comparisons. */
function ratioOf({ value, warnings }: AnnotationReader): number | undefined {
  const ratio = value<number | undefined>(
    'proxy-cpu-ratio-limit',
    parseGoFloat,
    undefined,
    (key, error) => `${error} (${key})`,
  )
  if (ratio === undefined || !(ratio <= 0 || ratio >= 1)) return ratio
  const key = `${configPrefixes.stable}proxy-cpu-ratio-limit`
  warnings.push(`invalid value used for the ${key} annotation, valid values are between 0.0 and 1.0`)
  return undefined
}

function coresOf(requests: ResourceList, limits: ResourceList, ratio: number | undefined): ProxyConfig['cores'] {
  const max = wholeCores(limits.cpu)
  return {
    min: wholeCores(requests.cpu) ?? 1,
    ...(max === undefined ? {} : { max }),
    ...(ratio === undefined ? {} : { maxRatio: String(ratio) }),
  }
}

function wholeCores(quantity: string | undefined): number | undefined {
  const parsed = parseQuantity(quantity ?? '')
  return 'value' in parsed ? Math.ceil(parsed.value) : undefined
}
