import fc from 'fast-check'
import t from 'tap'
import type { Container, PodSpec } from '../../../src/k8s/spec-shapes.ts'
import {
  annotationVerdict,
  hasProxy,
  sidecarOf,
  skipReasons,
  whyNotInjected,
} from '../../../src/linkerd/injection/injection.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'

const inject = 'linkerd.io/inject'
const main: Container = { name: 'main', image: 'registry.example/app:1' }

// Values of the annotation, by what they are to the injector. Exact, case-sensitive, not trimmed; empty is absent.
const values = {
  absent: [undefined, ''],
  enabling: ['enabled', 'ingress'],
  disabled: ['disabled'],
  invalid: ['true', 'false', 'enable', 'Enabled', 'enabled ', ' enabled', 'enabled\n', 'INGRESS', 'constructor'],
} as const
type Sort = keyof typeof values
const sorts = Object.keys(values) as Sort[]

// The table in the comment of `whyNotInjected`; the first row that fits counts.
const table: readonly (readonly [
  namespaces: readonly Sort[],
  pods: readonly Sort[],
  reason: keyof typeof skipReasons | undefined,
  at: string | undefined,
])[] = [
  [['invalid'], sorts, 'invalid_inject_annotation_at_ns', undefined],
  [sorts, ['invalid'], 'invalid_inject_annotation_at_workload', undefined],
  [['enabling'], ['absent', 'enabling'], undefined, 'namespace'],
  [['enabling'], ['disabled'], 'injection_disable_annotation_present', 'workload'],
  [['absent', 'disabled'], ['enabling'], undefined, 'workload'],
  [['absent', 'disabled'], ['absent', 'disabled'], 'injection_enable_annotation_absent', undefined],
]

t.test('it decides by the two annotations as the table says', async (t) => {
  for (const namespaceSort of sorts)
    for (const podSort of sorts) {
      const row = table.find(([namespaces, pods]) => namespaces.includes(namespaceSort) && pods.includes(podSort))
      for (const namespace of values[namespaceSort])
        for (const pod of values[podSort]) {
          const verdict = annotationVerdict(namespace, pod)
          t.same(
            [verdict.reason, verdict.at],
            [row?.[2], row?.[3]],
            `${JSON.stringify(namespace)}, ${JSON.stringify(pod)}`,
          )
        }
    }
})

t.test('it never injects beside an invalid value', async (t) => {
  const legal = new Set<string>([...values.enabling, ...values.disabled, ''])
  fc.assert(
    fc.property(
      fc.string().filter((value) => !legal.has(value)),
      fc.constantFrom(undefined, '', 'enabled', 'ingress', 'disabled'),
      (invalid, other) => {
        t.equal(annotationVerdict(invalid, other).reason, 'invalid_inject_annotation_at_ns')
        t.equal(annotationVerdict(other, invalid).reason, 'invalid_inject_annotation_at_workload')
      },
    ),
    { numRuns: 200 },
  )
})

t.test('it gives every reason in the injector’s order, with its exact words', async (t) => {
  const pod = {
    metadata: { annotations: { [inject]: 'disabled' } },
    spec: {
      hostNetwork: true,
      automountServiceAccountToken: false,
      containers: [{ name: 'istio-proxy', image: 'x' }, main],
    },
  }
  const reasons = whyNotInjected(pod, 'enabled', { ...defaultSettings, serviceAccountTokenProjection: false })
  t.same(
    reasons.map((reason) => skipReasons[reason]),
    [
      'hostNetwork is enabled',
      'pod has a sidecar injected already',
      'pod has the annotation "linkerd.io/inject:disabled"',
      'automountServiceAccountToken set to "false", with Values.identity.serviceAccountTokenProjection set to "false"',
    ],
  )
  t.same(
    skipReasons.injection_enable_annotation_absent,
    'neither the namespace nor the pod have the annotation "linkerd.io/inject:enabled"',
  )
  t.same(skipReasons.invalid_inject_annotation_at_ns, 'invalid value for annotation "linkerd.io/inject" at namespace')
  t.same(
    skipReasons.invalid_inject_annotation_at_workload,
    'invalid value for annotation "linkerd.io/inject" at workload',
  )
})

t.test('it injects Pods with UDP ports, and those whose annotation is on the namespace', async (t) => {
  const udp = { metadata: {}, spec: { containers: [{ ...main, ports: [{ containerPort: 53, protocol: 'UDP' }] }] } }
  t.same(whyNotInjected(udp, 'enabled', defaultSettings), [])
  t.same(whyNotInjected({ metadata: { labels: { [inject]: 'enabled' } }, spec: {} }, undefined, defaultSettings), [
    'injection_enable_annotation_absent',
  ])
})

// pkg/healthcheck/sidecar.go. `init` first; the release decides whether a proxy counts there.
const sidecars: readonly (readonly [Container, asInit: boolean, asContainer: boolean])[] = [
  [{ name: 'linkerd-proxy', image: 'x' }, true, true],
  [{ name: 'istio-proxy', image: 'x' }, true, true],
  [{ name: 'p', image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3' }, true, true],
  [{ name: 'p', image: 'gcr.io/istio-release/proxyv2:1.24' }, true, true],
  [{ name: 'p', image: 'cr.l5d.io/linkerd/proxy@sha256:0' }, false, false],
  [{ name: 'p', image: 'registry.example/linkerd/proxy:1' }, false, false],
  [{ name: 'linkerd-init', image: 'x' }, true, false],
  [{ name: 'istio-init', image: 'x' }, true, false],
  [{ name: 'i', image: 'cr.l5d.io/linkerd/proxy-init:v2.4' }, true, false],
  [{ name: 'i', image: 'gcr.io/istio-release/proxy_init:1' }, true, false],
  [{ name: 'linkerd-network-validator', image: 'x' }, false, false],
  [{ name: 'linkerd-debug', image: 'cr.l5d.io/linkerd/debug:1' }, false, false],
  [{ name: null, image: null }, false, false],
]

t.test('it knows the containers of a mesh by name and by image prefix', async (t) => {
  for (const [container, asInit, asContainer] of sidecars) {
    const what = JSON.stringify(container)
    const found = (spec: PodSpec, minor = 20) => sidecarOf(spec, { ...defaultSettings, minor })?.path
    t.same(
      found({ initContainers: [container], containers: [main] }),
      asInit ? ['spec', 'initContainers', 0] : undefined,
      what,
    )
    t.same(found({ containers: [main, container] }), asContainer ? ['spec', 'containers', 1] : undefined, what)
    t.same(
      found({ initContainers: [container] }, 15),
      asInit && !asContainer ? ['spec', 'initContainers', 0] : undefined,
      `${what}, as an init container of 2.15`,
    )
  }
})

t.test('it takes a proxy for one where it runs: as a container, or as a native sidecar', async (t) => {
  const proxy = { name: 'linkerd-proxy', image: 'x' }
  t.ok(hasProxy({ containers: [main, proxy] }))
  t.ok(hasProxy({ initContainers: [{ ...proxy, restartPolicy: 'Always' }], containers: [main] }))
  t.notOk(hasProxy({ initContainers: [proxy], containers: [main] }), 'an init container that ends is none')
  t.notOk(hasProxy({ containers: [{ ...main, image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3' }] }), 'the name counts')
  t.notOk(hasProxy({}))
})

// Opt-out of the ServiceAccount's token: by the Pod, or by its ServiceAccount, which shows only in an admitted Pod.
const mounted = { ...main, volumeMounts: [{ name: 't', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }
const tokens: readonly (readonly [spec: PodSpec, admitted: boolean, projection: boolean, refused: boolean])[] = [
  [{ automountServiceAccountToken: false, containers: [main] }, false, true, false],
  [{ automountServiceAccountToken: false, containers: [main] }, false, false, true],
  [{ automountServiceAccountToken: false, containers: [mounted] }, true, false, true],
  [{ automountServiceAccountToken: true, containers: [main] }, false, false, false],
  [{ containers: [main] }, false, false, false],
  [{ containers: [main] }, true, false, true],
  [{ containers: [mounted, main] }, true, false, false],
  [{ containers: [main, mounted] }, true, false, true],
  [{ containers: [main] }, true, true, false],
]

t.test('it refuses for a missing token only where the proxy needs that one', async (t) => {
  for (const [spec, admitted, serviceAccountTokenProjection, refused] of tokens)
    t.same(
      whyNotInjected({ metadata: {}, spec, admitted }, 'enabled', {
        ...defaultSettings,
        serviceAccountTokenProjection,
      }),
      refused ? ['disabled_automount_service_account_token_account'] : [],
      JSON.stringify({ spec, admitted, serviceAccountTokenProjection }),
    )
})
