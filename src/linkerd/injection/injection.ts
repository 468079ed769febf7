import { containersOf, type PlacedContainer } from '../../k8s/pod-template.ts'
import { annotationOf } from '../../k8s/resource.ts'
import type { Container, ObjectMeta, PodSpec } from '../../k8s/spec-shapes.ts'
import { annotations, proxyContainerName } from '../facts.ts'
import type { LinkerdSettings } from '../settings.ts'

/**
 * Why the injector leaves a Pod alone, with the exact words of its log and Events
 * (linkerd2 pkg/inject/report.go, the strings of `Reasons`). Keys are the metric's `skip_reason`.
 */
export const skipReasons = {
  host_network_enabled: 'hostNetwork is enabled',
  sidecar_already_exists: 'pod has a sidecar injected already',
  invalid_inject_annotation_at_ns: 'invalid value for annotation "linkerd.io/inject" at namespace',
  invalid_inject_annotation_at_workload: 'invalid value for annotation "linkerd.io/inject" at workload',
  injection_disable_annotation_present: 'pod has the annotation "linkerd.io/inject:disabled"',
  injection_enable_annotation_absent:
    'neither the namespace nor the pod have the annotation "linkerd.io/inject:enabled"',
  disabled_automount_service_account_token_account:
    'automountServiceAccountToken set to "false", with Values.identity.serviceAccountTokenProjection set to "false"',
} as const

export type SkipReason = keyof typeof skipReasons

/** What the injector looks at: a Pod, or the template it is made from. Annotations of the owner are never read. */
export interface Injectable {
  readonly metadata: ObjectMeta
  readonly spec: PodSpec
  /** Past the API server's own steps: the ServiceAccount's token is mounted, unless somebody opted out of it. */
  readonly admitted?: boolean
}

/**
 * Every reason for which the injector would not inject this Pod, in its own order; none means it injects.
 *
 * Which of the annotation reasons holds (linkerd2 pkg/inject/report.go `disabledByAnnotation`); enabling means `enabled`
 * or `ingress`, the empty text is as good as absent, anything else is invalid:
 *
 *   | namespace        | pod                | outcome                               | decided at |
 *   | invalid          | any                | invalid_inject_annotation_at_ns       |            |
 *   | not invalid      | invalid            | invalid_inject_annotation_at_workload |            |
 *   | enabling         | absent or enabling | inject                                | namespace  |
 *   | enabling         | disabled           | injection_disable_annotation_present  | workload   |
 *   | absent, disabled | enabling           | inject                                | workload   |
 *   | absent, disabled | absent, disabled   | injection_enable_annotation_absent    |            |
 *
 * @param namespaceValue the namespace's `linkerd.io/inject` annotation
 */
export function whyNotInjected(
  pod: Injectable,
  namespaceValue: string | undefined,
  settings: LinkerdSettings,
): SkipReason[] {
  const reasons: SkipReason[] = []
  if (pod.spec.hostNetwork === true) reasons.push('host_network_enabled')
  if (sidecarOf(pod.spec, settings) !== undefined) reasons.push('sidecar_already_exists')
  const byAnnotation = annotationVerdict(namespaceValue, annotationOf(pod.metadata, annotations.inject))
  if (byAnnotation.reason) reasons.push(byAnnotation.reason)
  if (!settings.serviceAccountTokenProjection && withoutToken(pod))
    reasons.push('disabled_automount_service_account_token_account')
  return reasons
}

/**
 * What the two annotations alone decide: a reason, or none for injection, and which of them decided, as the injector's
 * metric says (`annotation_at`): none of them when a value is invalid.
 */
export interface AnnotationVerdict {
  readonly reason?: SkipReason
  readonly at?: 'namespace' | 'workload'
}

/** The annotation part of {@link whyNotInjected}, which holds its table. */
export function annotationVerdict(namespaceValue: string | undefined, podValue: string | undefined): AnnotationVerdict {
  const namespace = readInject(namespaceValue)
  const pod = readInject(podValue)
  if (namespace === 'invalid') return { reason: 'invalid_inject_annotation_at_ns' }
  if (pod === 'invalid') return { reason: 'invalid_inject_annotation_at_workload' }
  if (namespace === 'enabling')
    return pod === 'disabled' ? { reason: 'injection_disable_annotation_present', at: 'workload' } : { at: 'namespace' }
  return pod === 'enabling' ? { at: 'workload' } : { reason: 'injection_enable_annotation_absent' }
}

function readInject(value: string | undefined): 'enabling' | 'disabled' | 'absent' | 'invalid' {
  if (value === undefined || value === '') return 'absent'
  if (value === 'enabled' || value === 'ingress') return 'enabling'
  return value === 'disabled' ? 'disabled' : 'invalid'
}

/** Is the proxy there: a container, or a native sidecar, of its name? */
export function hasProxy(spec: PodSpec): boolean {
  for (const { container, init } of containersOf(spec))
    if (container.name === proxyContainerName && (!init || container.restartPolicy === 'Always')) return true
  return false
}

const proxyImages = ['cr.l5d.io/linkerd/proxy:', 'gcr.io/istio-release/proxyv2:']
const initImages = ['cr.l5d.io/linkerd/proxy-init:', 'gcr.io/istio-release/proxy_init:']

/**
 * The container for which the injector thinks that a mesh is there already, so that it leaves the Pod alone (linkerd2
 * pkg/healthcheck/sidecar.go `HasExistingSidecars`): by container name, or by image prefix with its colon, so that a digest
 * reference counts only by name. Up to 2.15 a proxy was looked for among the regular containers only.
 */
export function sidecarOf(spec: PodSpec, { minor }: LinkerdSettings): PlacedContainer | undefined {
  return containersOf(spec).find(
    ({ container, init }) => (isProxy(container) && (!init || minor >= 16)) || (init && isProxyInit(container)),
  )
}

function isProxy({ name, image }: Container): boolean {
  return name === proxyContainerName || name === 'istio-proxy' || startsWithAny(image, proxyImages)
}

function isProxyInit({ name, image }: Container): boolean {
  return name === 'linkerd-init' || name === 'istio-init' || startsWithAny(image, initImages)
}

function startsWithAny(image: string | null | undefined, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => image?.startsWith(prefix) === true)
}

/** Where the API server mounts a ServiceAccount's token. */
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * linkerd2 pkg/inject/report.go: the Pod opted out of its ServiceAccount's token, or the ServiceAccount did. The latter
 * shows only in an admitted Pod, as a first container without the token's mount.
 */
function withoutToken({ spec, admitted }: Injectable): boolean {
  if (spec.automountServiceAccountToken === false) return true
  const mounts = spec.containers?.[0]?.volumeMounts ?? []
  return admitted === true && !mounts.some((mount) => mount?.mountPath === tokenPath)
}
