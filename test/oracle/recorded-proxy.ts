import type { ObjectMeta } from '../../src/k8s/spec-shapes.ts'
import { injectedOnPod } from '../../src/linkerd/injection/injected-opaque-ports.ts'
import type { Injectable } from '../../src/linkerd/injection/injection.ts'
import { type Injection, predictInjection } from '../../src/linkerd/injection/predict-injection.ts'
import { environmentOf } from '../../src/linkerd/injection/proxy-environment.ts'
import { inboundPortsOf, opaquePortsOfProxy } from '../../src/linkerd/injection/proxy-port-lists.ts'
import type { LinkerdSettings } from '../../src/linkerd/settings.ts'

/*
 * The proxy as the records show it. `proxy` of a record holds differences from a plain Pod's; so ours is made twice, for the
 * Pod and for a plain one, and subtracted.
 */

/** Where the proxy of a recorded Pod differs from a plain Pod's, `native` always. */
export function recordedProxy(
  injection: Injection,
  pod: Injectable,
  namespace: ObjectMeta,
  settings: LinkerdSettings,
): Record<string, unknown> {
  const ours = whole(injection, pod, namespace, settings)
  const base = plainProxy(settings)
  const env = differences(base['env'] as Record<string, unknown>, ours['env'] as Record<string, unknown>)
  const { env: _, native, ...others } = differences(base, ours)
  void native
  return { native: ours['native'], ...others, ...(Object.keys(env).length > 0 ? { env } : {}) }
}

/** The whole proxy of a Pod that says nothing, as far as anything in a Pod can change it. */
export function plainProxy(settings: LinkerdSettings): Record<string, unknown> {
  const plain = { metadata: {}, spec: { containers: [{ name: 'main' }] } }
  const asking = { annotations: { 'linkerd.io/inject': 'enabled' } }
  const pod = { ...plain, namespaceName: 'plain' }
  return whole(predictInjection(pod, asking, settings), plain, {}, settings)
}

/** Helm's `proxyInit.iptablesMode` and `disableIPv6`, which no annotation changes. */
const firewall = '--firewall-bin-path iptables-nft --firewall-save-bin-path iptables-nft-save --ipv6=false'.split(' ')

const listenOn = { admin: 'ADMIN', control: 'CONTROL', inbound: 'INBOUND', outbound: 'OUTBOUND' } as const

function whole(
  { proxy }: Injection,
  pod: Injectable,
  namespace: ObjectMeta,
  settings: LinkerdSettings,
): Record<string, unknown> {
  const release = 'edge-26.8.3'
  const image = `${proxy.image}:${proxy.version.trim() || release}`
  const { cniEnabled } = settings
  const { add, drop } = pod.spec.containers?.[0]?.securityContext?.capabilities ?? {}
  const capabilities = add || drop ? { capabilities: { ...(add ? { add } : {}), ...(drop ? { drop } : {}) } } : {}
  // What linkerd-init needs it does not drop.
  const dropped = (drop ?? []).filter((one) => one !== 'NET_RAW' && one !== 'NET_ADMIN')
  const confined = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true }
  const seccompProfile = { type: 'RuntimeDefault' }
  const written = injectedOnPod(pod, namespace, settings, true).list
  const opaque = opaquePortsOfProxy(pod, namespace, written, settings.opaquePorts).list
  const listen = (host: string, port: number) => `${host}:${port}`

  const env: Record<string, string> = {
    LINKERD2_PROXY_CORES: String(proxy.cores.min),
    LINKERD2_PROXY_CORES_MIN: String(proxy.cores.min),
    ...(proxy.cores.max === undefined ? {} : { LINKERD2_PROXY_CORES_MAX: String(proxy.cores.max) }),
    ...(proxy.cores.maxRatio === undefined ? {} : { LINKERD2_PROXY_CORES_MAX_RATIO: proxy.cores.maxRatio }),
    ...set('INBOUND_PORTS_REQUIRE_IDENTITY', proxy.requireIdentityOnInboundPorts),
    LINKERD2_PROXY_SHUTDOWN_ENDPOINT_ENABLED: String(proxy.shutdownEndpoint),
    LINKERD2_PROXY_LOG: `${proxy.logLevel}${proxy.logHttpHeaders === 'insecure' ? '' : ',[{headers}]=off,[{request}]=off'}`,
    LINKERD2_PROXY_LOG_FORMAT: proxy.logFormat,
    LINKERD2_PROXY_INBOUND_DEFAULT_POLICY: proxy.defaultInboundPolicy,
    LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT: proxy.inboundConnectTimeout,
    LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT: proxy.outboundConnectTimeout,
    LINKERD2_PROXY_INBOUND_DISCOVERY_IDLE_TIMEOUT: proxy.inboundDiscoveryTimeout,
    LINKERD2_PROXY_OUTBOUND_DISCOVERY_IDLE_TIMEOUT: proxy.outboundDiscoveryTimeout,
    ...set('INBOUND_DETECT_TIMEOUT', proxy.inboundDetectTimeoutDisabled ? '365d' : ''),
    ...set('OUTBOUND_DETECT_TIMEOUT', proxy.outboundDetectTimeoutDisabled ? '365d' : ''),
    ...Object.fromEntries(
      Object.entries(listenOn).map(([name, variable]) => [
        `LINKERD2_PROXY_${variable}_LISTEN_ADDR`,
        listen(name === 'outbound' ? '127.0.0.1' : '0.0.0.0', proxy.ports[name as keyof typeof listenOn]),
      ]),
    ),
    LINKERD2_PROXY_OUTBOUND_LISTEN_ADDRS: listen('127.0.0.1', proxy.ports.outbound),
    LINKERD2_PROXY_INBOUND_PORTS: inboundPortsOf(pod.spec, settings.minor),
    ...set('INBOUND_GATEWAY_SUFFIXES', proxy.gateway ? 'svc.cluster.local.' : ''),
    ...set('INGRESS_MODE', proxy.ingress ? 'true' : ''),
    LINKERD2_PROXY_DESTINATION_PROFILE_SUFFIXES: proxy.externalProfiles ? '.' : 'svc.cluster.local.',
    LINKERD2_PROXY_OUTBOUND_METRICS_HOSTNAME_LABELS: String(proxy.hostnameLabels),
    ...set('INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION', opaque),
    ...set('ACCESS_LOG', proxy.accessLog),
    ...set('SHUTDOWN_GRACE_PERIOD', proxy.shutdownGracePeriod),
    LINKERD2_PROXY_IDENTITY_TOKEN_FILE: settings.serviceAccountTokenProjection
      ? '/var/run/secrets/tokens/linkerd-identity-token'
      : '/var/run/secrets/kubernetes.io/serviceaccount/token',
    ...additional(namespace),
    ...additional(pod.metadata),
  }
  const resources = {
    ...(Object.keys(proxy.limits).length > 0 ? { limits: proxy.limits } : {}),
    ...(Object.keys(proxy.requests).length > 0 ? { requests: proxy.requests } : {}),
  }
  return {
    native: proxy.native,
    image,
    imagePullPolicy: proxy.pullPolicy,
    ports: [
      { containerPort: proxy.ports.inbound, name: 'linkerd-proxy' },
      { containerPort: proxy.ports.admin, name: 'linkerd-admin' },
    ],
    resources: Object.keys(resources).length > 0 ? resources : null,
    securityContext: {
      ...confined,
      ...capabilities,
      runAsUser: proxy.uid,
      ...(proxy.gid >= 0 ? { runAsGroup: proxy.gid } : {}),
      seccompProfile,
    },
    probes: [
      ...(proxy.native && proxy.await ? ['startup'] : []),
      'liveness',
      'readiness',
      ...(!proxy.native && proxy.await ? ['postStart'] : []),
      ...(!proxy.native && proxy.waitBeforeExitSeconds > 0 ? ['preStop'] : []),
    ],
    env,
    initArgs: cniEnabled
      ? null
      : [
          ...firewall,
          '--incoming-proxy-port',
          String(proxy.ports.inbound),
          '--outgoing-proxy-port',
          String(proxy.ports.outbound),
          '--proxy-uid',
          String(proxy.uid),
          ...(proxy.gid >= 0 ? ['--proxy-gid', String(proxy.gid)] : []),
          '--inbound-ports-to-ignore',
          folded(
            [proxy.ports.control, proxy.ports.admin, proxy.skipInboundPorts].filter((one) => one !== '').join(','),
          ),
          ...(proxy.skipOutboundPorts === '' ? [] : ['--outbound-ports-to-ignore', proxy.skipOutboundPorts]),
          ...(proxy.skipSubnets === '' ? [] : ['--subnets-to-ignore', proxy.skipSubnets]),
        ],
    initSecurityContext: cniEnabled
      ? { ...confined, capabilities: { drop: ['ALL'] }, runAsGroup: 65534, runAsUser: 65534, seccompProfile }
      : {
          ...confined,
          capabilities: {
            add: ['NET_ADMIN', 'NET_RAW', ...(add ?? [])],
            ...(dropped.length > 0 ? { drop: dropped } : {}),
          },
          privileged: false,
          runAsGroup: 65534,
          runAsUser: 65534,
          seccompProfile,
        },
    initImage: image,
    debugImage: proxy.debug ? `${proxy.debug.image}:${proxy.debug.version || release} ${proxy.debug.pullPolicy}` : null,
  }
}

/** Inside YAML's quotes a line break is a space. (The other lists are quoted by the template's own function.) */
function folded(value: string): string {
  return value.replaceAll(/[ \t]*\n[ \t]*/g, ' ')
}

function set(name: string, value: string): Record<string, string> {
  return value === '' ? {} : { [`LINKERD2_PROXY_${name}`]: value }
}

function additional(metadata: ObjectMeta): Record<string, string> {
  const variables = environmentOf(metadata.annotations?.['config.linkerd.io/proxy-additional-env'] ?? '') ?? []
  return Object.fromEntries(variables.map(({ name, value }) => [name ?? '', value ?? '']))
}

/** Members of the second that differ from the first; null where the second has none. */
function differences(base: Record<string, unknown>, ours: Record<string, unknown>): Record<string, unknown> {
  const keys = new Set([...Object.keys(base), ...Object.keys(ours)])
  return Object.fromEntries(
    [...keys]
      .filter((key) => JSON.stringify(base[key]) !== JSON.stringify(ours[key]))
      .map((key) => [key, ours[key] ?? null]),
  )
}
