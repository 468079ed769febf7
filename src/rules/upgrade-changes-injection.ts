import { own, type Path } from '../k8s/json.ts'
import type { PodKind } from '../k8s/pod-template.ts'
import { describe, type Resource } from '../k8s/resource.ts'
import { annotations, configPrefixes, proxyPortNames } from '../linkerd/facts.ts'
import { skipReasons } from '../linkerd/injection/injection.ts'
import { predictInjection } from '../linkerd/injection/predict-injection.ts'
import { isInheritedIn, isKnownIn, proxyAnnotation } from '../linkerd/injection/proxy-annotations.ts'
import {
  asksForInjection,
  certaintyOf,
  type InjectionView,
  injectionReads,
  pathOfAnnotation,
  pathOfReason,
  workloadInjection,
} from '../linkerd/injection/workload-injection.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

export const upgradeChangesInjection = defineRule({
  id: 'upgrade-changes-injection',
  severity: 'error',
  judges: 'both',
  summary: 'What the next release of Linkerd does differently with this object should be known before the upgrade.',
  why: `The injector's decisions, and the annotations it knows, change between releases: 2.16 recognises a proxy among the init containers, and denies an unknown \`proxy-log-http-headers\`; 2.18 denies
\`close-wait-timeout\` without \`proxyInit.runAsRoot\`; 2.20 makes the proxy a native sidecar, no longer inherits the beta key that opts out of it, counts ports of init containers, and
forgets the annotations of the separate proxy-init image. An upgrade then changes Pods, or stops their creation, when they are next restarted.`,
  remediation: 'Change the object before the upgrade, so that both releases do the same with it.',
  limits: `Compares the release in \`linkerd.minor\` with the one in \`linkerd.nextMinor\`; silent where the next is not newer. That ordinary proxies become native sidecars at 2.20 is said once, where something in the manifests
depends on it.`,
  sources: [
    'linkerd2 pkg/inject/inject.go, pkg/inject/report.go (2.14 to edge-26.8)',
    'linkerd2 charts/linkerd-control-plane/values.yaml (2.14 to edge-26.8)',
    'https://linkerd.io/2/tasks/upgrade/',
  ],
  messages: {
    denied: '{{object}} will be denied by the injector of Linkerd 2.{{next}}: {{reason}}',
    skipped: '{{object}} will no longer be injected by Linkerd 2.{{next}}: {{reason}}',
    'key-lost': '{{key}} on {{object}} will have no effect in Linkerd 2.{{next}}{{instead}}',
    'native-sidecar':
      'the proxy of {{object}} will become an init container that stays with Linkerd 2.{{next}}, although {{key}} asks for an ordinary one',
    'wait-ignored':
      'config.alpha.linkerd.io/proxy-wait-before-exit-seconds on {{object}} will be ignored by Linkerd 2.{{next}}, where the proxy is a native sidecar',
    'opaque-ports':
      'the opaque ports that the injector writes for {{object}} will be {{after}} with Linkerd 2.{{next}} instead of {{before}}',
    'port-name':
      'the port {{name}} in {{object}} must be a number: with Linkerd 2.{{next}} the proxy is an init container, and some network plugins do not resolve port names of those',
  },
  reads: injectionReads,
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    *Namespace(namespace, { settings }) {
      if (!isUpgrade(settings)) return
      yield* lostKeys(namespace, namespace.metadata.annotations ?? {}, ['metadata'], settings, isInheritedIn)
    },
    *NetworkPolicy(policy, { settings }) {
      if (!isUpgrade(settings) || !becomesNative(settings)) return
      for (const [direction, rules] of [
        ['ingress', policy.spec.ingress ?? []],
        ['egress', policy.spec.egress ?? []],
      ] as const)
        for (const [i, rule] of rules.entries())
          for (const [j, { port } = {}] of (rule?.ports ?? []).map((one) => one ?? {}).entries()) {
            if (port !== proxyPortNames.inbound && port !== proxyPortNames.admin) continue
            const path = ['spec', direction, i, 'ports', j, 'port']
            const data = { name: port, object: describe(policy), next: settings.nextMinor }
            yield { message: 'port-name', path, data, confidence: 'medium', severity: 'warning' } as const
          }
    },
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    StatefulSet: judge,
  },
})

const exitWait = `${configPrefixes.alpha}proxy-wait-before-exit-seconds`

function* judge(subject: Resource<PodKind>, view: InjectionView) {
  const { settings } = view
  // Pods are made anew; what makes them matters.
  if (!isUpgrade(settings) || (subject.kind === 'Pod' && view.stage === 'admitted')) return
  const workload = workloadInjection(subject, view)
  const { template, namespace, injection: before, call, unresolved } = workload
  if (unresolved || call.called !== 'yes' || !asksForInjection(workload)) return
  const confidence = certaintyOf(workload)
  const next = settings.nextMinor
  const object = describe(subject)
  const pod = { ...template, namespaceName: subject.namespace }
  const after = predictInjection(pod, namespace?.metadata, { ...settings, minor: next })

  if (before.outcome !== 'refused' && after.outcome === 'refused') {
    const path = [...template.path, 'metadata']
    yield { message: 'denied', path, data: { object, next, reason: after.refusal ?? '' }, confidence } as const
  }
  if (before.reasons.length === 0 && after.reasons.length > 0) {
    const reason = after.reasons.map((one) => skipReasons[one]).join(', ')
    const path = pathOfReason(after.reasons[0], template, { ...settings, minor: next })
    yield { message: 'skipped', path, data: { object, next, reason }, confidence } as const
  }
  if (before.reasons.length > 0 || after.reasons.length > 0) return
  yield* lostKeys(subject, template.metadata.annotations ?? {}, [...template.path, 'metadata'], settings, isKnownIn)
  const beta = own(namespace?.metadata.annotations, betaKey)
  if (!before.proxy.native && after.proxy.native && beta !== undefined) {
    const path = pathOfAnnotation(template, annotations.inject)
    yield {
      message: 'native-sidecar',
      path,
      data: { object, next, key: betaKey },
      confidence,
      severity: 'warning',
    } as const
  }
  if (
    before.proxy.waitBeforeExitSeconds > 0 &&
    !before.proxy.native &&
    after.proxy.native &&
    after.refusal === undefined
  ) {
    const path = pathOfAnnotation(template, exitWait)
    yield { message: 'wait-ignored', path, data: { object, next }, confidence, severity: 'warning' } as const
  }
  const lists = [before, after].map((one) => one.annotations.get(annotations.opaquePorts) ?? 'none')
  if (lists[0] !== lists[1]) {
    const data = { object, next, before: lists[0] ?? '', after: lists[1] ?? '' }
    const path = [...template.path, 'metadata']
    yield { message: 'opaque-ports', path, data, confidence, severity: 'info' } as const
  }
}

const betaKey = `${configPrefixes.beta}proxy-enable-native-sidecar`

function isUpgrade({ minor, nextMinor }: LinkerdSettings): boolean {
  return nextMinor > minor
}

function becomesNative({ minor, nextMinor, nativeSidecar }: LinkerdSettings): boolean {
  return nativeSidecar === 'by-release' && minor < 20 && nextMinor >= 20
}

/** Annotations that count now, and will not. */
function* lostKeys(
  object: Resource,
  keys: Readonly<Record<string, unknown>>,
  metadata: Path,
  { minor, nextMinor: next }: LinkerdSettings,
  counts: typeof isKnownIn,
) {
  for (const key of Object.keys(keys)) {
    const known = proxyAnnotation(key)
    if (!known || !counts(known, minor) || counts(known, next)) continue
    const settled = key.replace(configPrefixes.beta, configPrefixes.stable)
    const instead = settled === key ? '' : `: from then on ${settled} is its name`
    const path = [...metadata, 'annotations', key]
    const data = { key, object: describe(object), next, instead }
    yield { message: 'key-lost', path, data, confidence: 'high', severity: 'warning' } as const
  }
}
