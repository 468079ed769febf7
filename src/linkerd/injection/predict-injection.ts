import { annotationOf } from '../../k8s/resource.ts'
import type { ObjectMeta } from '../../k8s/spec-shapes.ts'
import { annotations, configPrefixes, controlPlaneNamespace, injectedLabels, writtenAnnotations } from '../facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { injectedOnPod } from './injected-opaque-ports.ts'
import { annotationVerdict, type Injectable, type SkipReason, whyNotInjected } from './injection.ts'
import { inheritedKeys, proxyAnnotation } from './proxy-annotations.ts'
import { configureProxy, type ProxyConfig } from './proxy-config.ts'
import { environmentOf } from './proxy-environment.ts'
import { opaquePortsOfProxy } from './proxy-port-lists.ts'
import { throughPatch } from './spoilt-patch.ts'

/** A Pod on its way to the injector. */
export interface PodToInject extends Injectable {
  readonly namespaceName: string
  /** Whom the injector takes for its maker ({@link file://./pod-owner.ts}). */
  readonly owner?: { readonly kind: string; readonly name: string } | undefined
}

/** The control plane whose injector it is. */
export interface ControlPlane {
  readonly namespace: string
  /** Its release as it calls itself, e.g. `edge-26.8.3`. */
  readonly release: string
}

/** What the injector makes of one Pod. */
export interface Injection {
  /**
   * - `skipped`: it leaves the Pod alone, but for its opaque-ports annotation;
   * - `refused`: it denies the Pod, whatever the failurePolicy;
   * - `undecodable`: its patch is no JSON, so that the failurePolicy decides: with Ignore, no proxy and no word;
   * - `malformed`: its patch adds containers without a name, which the API server refuses.
   */
  readonly outcome: 'injected' | 'skipped' | 'refused' | 'undecodable' | 'malformed'
  /** Empty where it wants to inject. */
  readonly reasons: readonly SkipReason[]
  /** Which annotation decided, as its metric says. */
  readonly annotationAt: 'namespace' | 'workload' | undefined
  /** Why it refuses, in its own words, without the position in its template. */
  readonly refusal?: string
  /** The inherited annotations that spoil the patch. */
  readonly spoiltBy: readonly string[]
  /** What the patch writes, where it can be decoded; keys that were there with the same value included. */
  readonly annotations: ReadonlyMap<string, string>
  readonly labels: ReadonlyMap<string, string>
  /** Names in order after injection; `undefined` for a container that lost its name. */
  readonly containers: readonly (string | undefined)[]
  readonly initContainers: readonly (string | undefined)[]
  readonly volumes: readonly string[]
  /** The proxy it would add. */
  readonly proxy: ProxyConfig
  /** What it says in its log meanwhile. */
  readonly warnings: readonly string[]
}

/**
 * What the injector does with a Pod that reaches it (linkerd2 controller/proxy-injector/webhook.go, pkg/inject/inject.go and
 * charts/patch/templates/patch.json), held against recorded answers by `test/oracle/injection.ts`.
 *
 * @param namespace metadata of the Pod's Namespace
 */
export function predictInjection(
  pod: PodToInject,
  namespace: ObjectMeta | undefined,
  settings: LinkerdSettings,
  controlPlane: ControlPlane = { namespace: controlPlaneNamespace, release: `2.${settings.minor}` },
): Injection {
  const namespaceValue = annotationOf(namespace, annotations.inject)
  const reasons = whyNotInjected(pod, namespaceValue, settings)
  const annotationAt = annotationVerdict(namespaceValue, annotationOf(pod.metadata, annotations.inject)).at
  const wanted = reasons.length === 0
  const opaque = injectedOnPod(pod, namespace, settings, wanted)
  const inherited = wanted ? inheritedOf(pod.metadata, namespace, settings.minor) : new Map<string, string>()
  const { config, warnings } = configureProxy(mergedAnnotations(pod.metadata, inherited), settings)

  const opaqueByProxy = opaquePortsOfProxy(pod, namespace, opaque.list, settings.opaquePorts)

  const written = new Map(inherited)
  if (opaque.list !== undefined) written.set(annotations.opaquePorts, opaque.list)
  const spoiltBy: string[] = opaque.undecodable ? [annotations.opaquePorts] : []
  if (wanted) {
    written.set(writtenAnnotations.createdBy, `linkerd/proxy-injector ${controlPlane.release}`)
    written.set(writtenAnnotations.proxyVersion, config.version === '' ? controlPlane.release : config.version)
    written.set(writtenAnnotations.trustRoots, '(sha256)')
    for (const [key, value] of written) {
      // The opaque list has been through the template already.
      if (key === annotations.opaquePorts) continue
      const read = throughPatch(value)
      if (read === undefined) spoiltBy.push(key === writtenAnnotations.proxyVersion ? versionKey : key)
      else written.set(key, read)
    }
  }

  const refusal = wanted ? whyRefused(config, settings) : undefined
  const shape = wanted ? shapeOf(pod, config, settings) : unchanged(pod)
  const nameless = [...shape.initContainers, ...shape.containers].includes(undefined)
  return {
    outcome:
      refusal !== undefined
        ? 'refused'
        : spoiltBy.length > 0
          ? 'undecodable'
          : !wanted
            ? 'skipped'
            : nameless
              ? 'malformed'
              : 'injected',
    reasons,
    annotationAt,
    ...(refusal === undefined ? {} : { refusal }),
    spoiltBy: [...new Set(spoiltBy)],
    annotations: written,
    labels: wanted ? labelsFor(pod, controlPlane) : new Map(),
    ...shape,
    proxy: config,
    warnings: wanted
      ? [...warnings, ...unreadableEnvironments(pod.metadata, namespace, settings.minor), ...opaqueByProxy.warnings]
      : [],
  }
}

const additionalEnvironment = `${configPrefixes.stable}proxy-additional-env`
const versionKey = `${configPrefixes.stable}proxy-version`

/** The Namespace's annotations that the Pod does not have, whatever its value: these the injector copies. */
export function inheritedOf(pod: ObjectMeta, namespace: ObjectMeta | undefined, minor: number): Map<string, string> {
  const inherited = new Map<string, string>()
  const given = Object.keys(namespace?.annotations ?? {})
  // Many Namespaces have none.
  if (!given.some((key) => proxyAnnotation(key))) return inherited
  for (const key of inheritedKeys(minor)) {
    const value = annotationOf(namespace, key)
    // The opaque ports have rules of their own.
    if (key === annotations.opaquePorts || value === undefined || annotationOf(pod, key) !== undefined) continue
    inherited.set(key, value)
  }
  return inherited
}

/** The Pod's annotations with what it inherits. */
export function mergedAnnotations(pod: ObjectMeta, inherited: ReadonlyMap<string, string>): Map<string, string> {
  const merged = new Map(inherited)
  for (const [key, value] of Object.entries(pod.annotations ?? {})) merged.set(key, value ?? '')
  return merged
}

/** Template failures (charts/partials/templates/_proxy.tpl, _proxy-init.tpl), and a number that JSON does not have. */
function whyRefused(
  proxy: ProxyConfig,
  { minor, cniEnabled, proxyInitRunAsRoot }: LinkerdSettings,
): string | undefined {
  if (proxy.cores.maxRatio === 'NaN') return 'error marshaling into JSON: json: unsupported value: NaN'
  if (proxy.closeWaitTimeoutSecs !== 0 && !cniEnabled && !proxyInitRunAsRoot && minor >= 18)
    return 'proxyInit.runAsRoot must be set to use proxyInit.closeWaitTimeoutSecs'
  if (proxy.native && proxy.waitBeforeExitSeconds > 0 && minor < 20)
    return 'proxy.nativeSidecar and waitBeforeExitSeconds cannot be used simultaneously'
  if (minor >= 16 && !['', 'insecure', 'off'].includes(proxy.logHttpHeaders))
    return 'logHTTPHeaders must be one of: insecure | off'
  return undefined
}

/** `proxy-additional-env` is read from the Namespace and from the Pod, and merged: one complaint for each that is unreadable. */
function unreadableEnvironments(pod: ObjectMeta, namespace: ObjectMeta | undefined, minor: number): string[] {
  if (minor < 20) return []
  return [namespace, pod]
    .map((metadata) => annotationOf(metadata, additionalEnvironment) ?? '')
    .filter((value) => value !== '' && environmentOf(value) === undefined)
    .map(() => `invalid JSON in ${additionalEnvironment} annotation`)
}

type Shape = Pick<Injection, 'containers' | 'initContainers' | 'volumes'>

function unchanged({ spec }: PodToInject): Shape {
  return {
    containers: (spec.containers ?? []).map((one) => one?.name ?? ''),
    initContainers: (spec.initContainers ?? []).map((one) => one?.name ?? ''),
    volumes: [],
  }
}

/**
 * Where the injected containers go:
 *
 *   |             | linkerd-init or -network-validator | linkerd-proxy                                |
 *   | native      | first init container               | second init container                        |
 *   | ordinary    | last init container                | first container; last without `proxy-await`  |
 *
 * The debug container is the last container in any case, before an ordinary proxy that does not come first.
 */
function shapeOf(pod: PodToInject, proxy: ProxyConfig, settings: LinkerdSettings): Shape {
  const containers: (string | undefined)[] = [...unchanged(pod).containers]
  const initContainers: (string | undefined)[] = [...unchanged(pod).initContainers]
  const setUp = nameOf(initImageOf(proxy, settings), settings.cniEnabled ? 'linkerd-network-validator' : 'linkerd-init')
  const itself = nameOf(`${proxy.image}:${proxy.version || '-'}`, 'linkerd-proxy')
  if (proxy.native) initContainers.unshift(setUp, itself)
  else initContainers.push(setUp)
  if (proxy.debug) containers.push('linkerd-debug')
  if (!proxy.native && proxy.await) containers.unshift(itself)
  else if (!proxy.native) containers.push(itself)
  const volumes = [
    ...(settings.cniEnabled ? [] : ['linkerd-proxy-init-xtables-lock']),
    'linkerd-identity-end-entity',
    ...(settings.serviceAccountTokenProjection ? ['linkerd-identity-token'] : []),
  ]
  return { containers, initContainers, volumes }
}

/** Since 2.20 one image holds both; before, linkerd-init had its own, and annotations for it. */
function initImageOf(proxy: ProxyConfig, { minor, cniEnabled }: LinkerdSettings): string {
  if (minor >= 20 || cniEnabled) return `${proxy.image}:${proxy.version || '-'}`
  return `${proxy.initImage}:${proxy.initVersion}`
}

/**
 * The image stands without quotes in the template's YAML: with a colon before a space, or at its end, the whole container
 * becomes an error message without a name.
 */
function nameOf(image: string, name: string): string | undefined {
  return /:(\s|$)/.test(image.trim()) ? undefined : name
}

function labelsFor(pod: PodToInject, { namespace }: ControlPlane): ReadonlyMap<string, string> {
  const owner = { kind: pod.owner?.kind ?? '', namespace: pod.namespaceName, name: pod.owner?.name ?? '' }
  return new Map(Object.entries(injectedLabels({}, owner, namespace)).map(([key, value]) => [key, value ?? '']))
}
