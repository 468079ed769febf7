import { own } from '../../k8s/json.ts'
import { containersOf, type PlacedContainer } from '../../k8s/pod-template.ts'
import { labelsOf } from '../../k8s/resource.ts'
import type { ObjectMeta } from '../../k8s/spec-shapes.ts'
import { configPrefixes, podSecurityLabel, proxyContainerName, proxyPortNames } from '../facts.ts'
import { parseQuantity } from '../go-values.ts'
import type { LinkerdSettings } from '../settings.ts'
import type { Injection, PodToInject } from './predict-injection.ts'

/** Why the API server refuses a Pod for what the injector added to it. */
export interface InjectedFault {
  /** The container that was added, or undefined for the Pod's metadata. */
  readonly container: string | undefined
  /** The field, from there, or the Pod Security check. */
  readonly field: string
  /** The API server's words. */
  readonly detail: string
  /** The annotations that cause it: without them it would not happen. */
  readonly annotations: readonly string[]
}

const key = (name: string) => `${configPrefixes.stable}${name}`

/**
 * What the API server finds wrong with the containers and labels that an injection adds (k8s.io/kubernetes
 * pkg/apis/core/validation, pod-security-admission policy). It judges the fields first, and Pod Security only where they are
 * sound; faults of the Pod's own containers are not among these.
 *
 * @param namespace metadata of the Pod's Namespace: its Pod Security level
 */
export function injectedFaults(
  pod: PodToInject,
  injection: Injection,
  namespace: ObjectMeta | undefined,
  settings: LinkerdSettings,
): readonly InjectedFault[] {
  if (injection.outcome === 'malformed')
    return [
      fault(undefined, 'image', 'is no image reference, so that the container loses its name', key('proxy-version')),
    ]
  if (injection.outcome !== 'injected') return []
  const fields = [
    ...labelFaults(injection),
    ...portFaults(injection),
    ...userFaults(injection),
    ...pullPolicyFaults(injection, settings),
    ...resourceFaults(injection, settings),
    ...duplicateNames(pod, injection, settings),
  ]
  return fields.length > 0 ? fields : podSecurityFaults(pod, injection, namespace, settings)
}

function fault(container: string | undefined, field: string, detail: string, ...annotations: string[]): InjectedFault {
  return { container, field, detail, annotations }
}

function* labelFaults({ labels }: Injection): Generator<InjectedFault> {
  for (const [label, value] of labels)
    if (value.length > 63)
      yield fault(undefined, `metadata.labels[${label}]`, `${value} must be no more than 63 characters`)
}

const range = (from: number, to: number) => `must be between ${from} and ${to}, inclusive`

function* portFaults({ proxy }: Injection): Generator<InjectedFault> {
  for (const [i, name] of (['inbound', 'admin'] as const).entries()) {
    const port = proxy.ports[name]
    if (port >= 1 && port <= 65_535) continue
    const detail = `Invalid value: ${port}: ${range(1, 65_535)}`
    const annotation = key(`${name}-port`)
    yield fault(proxyContainerName, `ports[${i}].containerPort`, port === 0 ? 'Required value' : detail, annotation)
    if (name === 'inbound') continue
    const probes = ['livenessProbe', 'readinessProbe', ...(proxy.native && proxy.await ? ['startupProbe'] : [])]
    for (const probe of probes) yield fault(proxyContainerName, `${probe}.httpGet.port`, detail, annotation)
  }
}

const highestId = 2_147_483_647

function* userFaults({ proxy }: Injection): Generator<InjectedFault> {
  for (const [field, id, name] of [
    ['runAsUser', proxy.uid, 'proxy-uid'],
    ['runAsGroup', Math.max(proxy.gid, 0), 'proxy-gid'],
  ] as const)
    if (id < 0 || id > highestId)
      yield fault(
        proxyContainerName,
        `securityContext.${field}`,
        `Invalid value: ${id}: ${range(0, highestId)}`,
        key(name),
      )
}

function* pullPolicyFaults({ proxy }: Injection, settings: LinkerdSettings): Generator<InjectedFault> {
  const supported = new Set(['Always', 'IfNotPresent', 'Never'])
  const wrong = (container: string, policy: string, name: string) =>
    supported.has(policy)
      ? []
      : [
          fault(
            container,
            'imagePullPolicy',
            `Unsupported value: "${policy}": supported values: "Always", "IfNotPresent", "Never"`,
            key(name),
          ),
        ]
  for (const container of [proxyContainerName, setUpContainer(settings)])
    yield* wrong(container, proxy.pullPolicy, 'image-pull-policy')
  if (proxy.debug) yield* wrong('linkerd-debug', proxy.debug.pullPolicy, 'debug-image-pull-policy')
}

function* resourceFaults({ proxy }: Injection, settings: LinkerdSettings): Generator<InjectedFault> {
  for (const resource of ['cpu', 'memory', 'ephemeral-storage'] as const) {
    const request = amount(proxy.requests[resource])
    const limit = amount(proxy.limits[resource])
    if (request === undefined || limit === undefined || request <= limit) continue
    const detail = `Invalid value: "${proxy.requests[resource]}": must be less than or equal to ${resource} limit`
    // Since 2.20 linkerd-init is made from the proxy's image, and has its resources.
    const containers = settings.minor >= 20 ? [setUpContainer(settings), proxyContainerName] : [proxyContainerName]
    for (const container of containers)
      yield fault(
        container,
        'resources.requests',
        detail,
        key(`proxy-${resource}-request`),
        key(`proxy-${resource}-limit`),
      )
  }
}

function amount(quantity: string | undefined): number | undefined {
  const parsed = parseQuantity(quantity ?? '')
  return 'value' in parsed ? parsed.value : undefined
}

function setUpContainer({ cniEnabled }: LinkerdSettings): string {
  return cniEnabled ? 'linkerd-network-validator' : 'linkerd-init'
}

/** A container that the author named like one of Linkerd's, and that the injector did not recognise. */
function* duplicateNames(pod: PodToInject, { proxy }: Injection, settings: LinkerdSettings): Generator<InjectedFault> {
  const added = new Set([setUpContainer(settings), ...(proxy.debug ? ['linkerd-debug'] : [])])
  for (const { container, path } of containersOf(pod.spec))
    if (added.has(container.name ?? ''))
      yield fault(container.name ?? '', `${path.slice(1).join('.')}.name`, 'Duplicate value')
}

/**
 * Pod Security standards, as far as the added containers break them. `linkerd-init` needs two capabilities that `baseline`
 * does not have; without it (CNI) the proxy still drops only what the first container drops, and `restricted` wants ALL.
 */
function podSecurityFaults(
  pod: PodToInject,
  { proxy }: Injection,
  namespace: ObjectMeta | undefined,
  settings: LinkerdSettings,
): InjectedFault[] {
  const level = own(labelsOf(namespace), podSecurityLabel)
  if (level !== 'baseline' && level !== 'restricted') return []
  const faults: InjectedFault[] = []
  const capabilities = pod.spec.containers?.[0]?.securityContext?.capabilities
  if (!settings.cniEnabled)
    faults.push(fault('linkerd-init', 'capabilities.add', 'must not include "NET_ADMIN", "NET_RAW"'))
  if (level === 'baseline') return faults
  const dropsAll = (capabilities?.drop ?? []).includes('ALL')
  const dropping = 'must set securityContext.capabilities.drop=["ALL"]'
  if (!dropsAll && !settings.cniEnabled) faults.push(fault('linkerd-init', 'capabilities.drop', dropping))
  if (!dropsAll) faults.push(fault(proxyContainerName, 'capabilities.drop', dropping))
  if (proxy.uid === 0) faults.push(fault(proxyContainerName, 'runAsUser', 'must not set runAsUser=0', key('proxy-uid')))
  if (proxy.debug)
    faults.push(
      fault('linkerd-debug', 'allowPrivilegeEscalation', 'must set it to false', key('enable-debug-sidecar')),
      fault('linkerd-debug', 'capabilities.drop', dropping, key('enable-debug-sidecar')),
    )
  return faults
}

/** An application's port that the proxy also declares; the API server admits it with a warning. */
export interface PortClash {
  readonly container: PlacedContainer
  /** Index of the port in its container. */
  readonly index: number
  readonly as: 'number' | 'name'
  readonly port: 'inbound' | 'admin'
}

/** Ports that a container declares although the proxy declares them too, by number (TCP) or by name. */
export function portClashes(pod: PodToInject, { proxy }: Injection): readonly PortClash[] {
  const clashes: PortClash[] = []
  for (const placed of containersOf(pod.spec)) {
    if (placed.init && placed.container.restartPolicy !== 'Always') continue
    for (const [index, declared] of (placed.container.ports ?? []).entries())
      for (const port of ['inbound', 'admin'] as const) {
        if (declared?.containerPort === proxy.ports[port] && (declared.protocol ?? 'TCP') === 'TCP')
          clashes.push({ container: placed, index, as: 'number', port })
        if (declared?.name === proxyPortNames[port]) clashes.push({ container: placed, index, as: 'name', port })
      }
  }
  return clashes
}
