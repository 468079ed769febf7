import type { Severity } from '../core/finding.ts'
import { nearest } from '../core/nearest.ts'
import type { View } from '../core/view.ts'
import type { Path } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, labelsOf, type Resource } from '../k8s/resource.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { annotations, configPrefixes, labels, ownPrefix, writtenAnnotations } from '../linkerd/facts.ts'
import {
  isKnownIn,
  type ProxyAnnotation,
  proxyAnnotation,
  proxyAnnotations,
} from '../linkerd/injection/proxy-annotations.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type RuleView = Pick<View<never, LinkerdSettings>, 'settings'>

export const proxyAnnotationUnknown = defineRule({
  id: 'proxy-annotation-unknown',
  severity: 'warning',
  judges: 'both',
  summary: "An annotation in Linkerd's name must be one that this release reads, where it reads it.",
  why: `Linkerd ignores annotations that it does not know without a word. A key with a letter missing, one of another release, or one that stands on the workload itself, on a Service or among the labels looks like
configuration and is none.`,
  remediation: 'Correct the key, move it to the Pod template or the Namespace, or remove it.',
  limits: `Keys of the families \`balancer\`, \`retry\`, \`timeout\`, \`mirror\`, \`multicluster\` and \`viz\` and of tracing are left alone. Where \`linkerd.io/inject\` stands is \`inject-annotation-misplaced\`; the opaque
ports have rules of their own. The list depends on the release: set \`linkerd.minor\`.`,
  sources: [
    'linkerd2 pkg/k8s/labels.go (edge-26.8)',
    'https://linkerd.io/2/reference/proxy-configuration/',
    'https://github.com/linkerd/linkerd2/issues/13205',
  ],
  messages: {
    unknown: '{{key}} on {{object}} is no annotation of Linkerd, so nothing reads it{{hint}}',
    'other-release': '{{key}} on {{object}} has no effect in Linkerd 2.{{minor}}: {{when}}',
    'not-here': '{{key}} must stand on {{where}}: {{place}} of {{object}} nothing reads it',
  },
  reads: [],
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    *Namespace(namespace, view) {
      yield* unread(namespace, namespace.metadata, ['metadata'], view)
      yield* amongLabels(namespace, namespace.metadata, ['metadata'], 'among the annotations')
    },
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    *Service(service) {
      for (const key of Object.keys(service.metadata.annotations ?? {})) {
        if (!isConfiguration(key) || isOpaquePorts(key) || key === labels.admissionWebhooks) continue
        yield notHere(service, key, ['metadata', 'annotations', key], 'the Pods behind it', 'among the annotations')
      }
    },
    StatefulSet: judge,
  },
})

function* judge(subject: Resource<PodKind>, view: RuleView) {
  const { metadata, path } = podTemplateOf(subject)
  yield* unread(subject, metadata, [...path, 'metadata'], view)
  yield* amongLabels(subject, metadata, [...path, 'metadata'], 'among the annotations')
  if (subject.kind === 'Pod') return
  for (const key of Object.keys(subject.metadata.annotations ?? {})) {
    // Where the template says it too, nobody is mistaken.
    if (!isConfiguration(key) || isOpaquePorts(key) || annotationOf(metadata, key) !== undefined) continue
    yield notHere(subject, key, ['metadata', 'annotations', key], 'the Pod template', 'in the metadata')
  }
}

function* unread(object: Resource, metadata: ObjectMeta, path: Path, { settings: { minor } }: RuleView) {
  for (const key of Object.keys(metadata.annotations ?? {})) {
    const at = [...path, 'annotations', key]
    const common = { path: at, confidence: 'high' } as const
    const known = proxyAnnotation(key)
    if (known) {
      const when = whyWithoutEffect(known, minor)
      const data = { key, object: describe(object), minor, when: when ?? '' }
      if (when !== undefined) yield { message: 'other-release', data, ...common } as const
      continue
    }
    // The injector writes these, and their names are those of others.
    if (written.has(key)) continue
    const near = isConfiguration(key) || key.startsWith(ownPrefix) ? nearestKey(key) : undefined
    // Other keys below linkerd.io are Linkerd's own, unless one was meant that this prefix does not have.
    if (!isConfiguration(key) && near === undefined) continue
    const severity: Severity = near === undefined ? 'info' : 'warning'
    const hint = near === undefined ? '' : ` (${near} was meant?)`
    yield { message: 'unknown', data: { key, object: describe(object), hint }, severity, ...common } as const
  }
}

function* amongLabels(object: Resource, metadata: ObjectMeta, path: Path, where: string) {
  for (const key of Object.keys(labelsOf(metadata)))
    if (isConfiguration(key) && key !== labels.admissionWebhooks)
      yield notHere(object, key, [...path, 'labels', key], where, 'as a label')
}

function notHere(object: Resource, key: string, path: Path, where: string, place: string) {
  const data = { key, object: describe(object), where, place }
  return { message: 'not-here', path, data, confidence: 'high' } as const
}

function whyWithoutEffect({ grammar, since, until, ...known }: ProxyAnnotation, minor: number): string | undefined {
  if (grammar === 'overwritten') return minor >= 16 ? 'since 2.16 the injector computes that list itself' : undefined
  if (isKnownIn({ grammar, ...known, ...(since ? { since } : {}), ...(until ? { until } : {}) }, minor))
    return undefined
  return since !== undefined && minor < since ? `it came with 2.${since}` : `it went after 2.${until}`
}

const written: ReadonlySet<string> = new Set(Object.values(writtenAnnotations))

const prefixes = Object.values(configPrefixes)

/** Below a prefix of proxy configuration, and not one of tracing's, which come and go. */
function isConfiguration(key: string): boolean {
  const prefix = prefixes.find((one) => key.startsWith(one))
  return prefix !== undefined && !/^trac(e|ing)/.test(key.slice(prefix.length)) && key !== labels.admissionWebhooks
}

function isOpaquePorts(key: string): boolean {
  return key === annotations.opaquePorts
}

/** A known key of the same name below another prefix, or of nearly the same name. */
function nearestKey(key: string): string | undefined {
  const name = key.slice(key.indexOf('/') + 1)
  // The settled prefix wins: it comes first in the list.
  const names = new Map(proxyAnnotations.toReversed().map((one) => [one.key.slice(one.key.indexOf('/') + 1), one.key]))
  const same = names.get(name)
  if (same !== undefined) return same
  // Below linkerd.io/ Linkerd has many keys of its own: only a whole name counts.
  if (key.startsWith(ownPrefix)) return undefined
  const near = nearest(name, [...names.keys()])
  return near === undefined ? undefined : names.get(near)
}
