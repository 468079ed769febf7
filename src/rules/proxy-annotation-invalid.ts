import type { Fix } from '../core/edit.ts'
import type { Confidence, Severity } from '../core/finding.ts'
import { nearest } from '../core/nearest.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import type { PodKind } from '../k8s/pod-template.ts'
import { describe, type Resource } from '../k8s/resource.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { type Consequence, type Grammar, type GrammarName, grammars } from '../linkerd/injection/annotation-grammar.ts'
import { isInheritedIn, isKnownIn, proxyAnnotation } from '../linkerd/injection/proxy-annotations.ts'
import { spoilsPatch } from '../linkerd/injection/spoilt-patch.ts'
import {
  certaintyOf,
  type InjectionView,
  injectionReads,
  workloadInjection,
  wouldInject,
} from '../linkerd/injection/workload-injection.ts'
import { defineRule } from '../linkerd/rule.ts'

export const proxyAnnotationInvalid = defineRule({
  id: 'proxy-annotation-invalid',
  severity: 'error',
  judges: 'both',
  summary: "An annotation that configures the proxy must be one that Linkerd's parsers read.",
  why: `Nothing checks these values when they are written. What Linkerd does with one that it cannot read depends on the annotation: most are ignored, some without a line in any log; \`proxy-log-http-headers\` makes the
injector deny the Pod; a port or a pull policy is refused by the API server after injection; \`skip-subnets\` lets linkerd-init fail, so that the Pod never starts; and an unreadable
\`default-inbound-policy\` leaves the cluster's default in force, which usually lets everybody in.

On a Namespace there is one more trap: an inherited value is put into the injector's patch as it is. A quotation mark, a line break or a backslash spoils the patch for **every** Pod of the
namespace, and with \`failurePolicy: Ignore\` they are created without a proxy and without a word.`,
  remediation: 'Correct the value, or remove the annotation.',
  limits: `Said of Pods only where they are injected, since nobody else reads the value. The opaque ports have rules of their own.`,
  sources: [
    'linkerd2 pkg/inject/inject.go ApplyAnnotationOverrides (edge-26.8)',
    'linkerd2 charts/patch/templates/patch.json (edge-26.8)',
    'linkerd2-proxy-init proxy-init/cmd/root.go, pkg/iptables/iptables.go',
    'https://linkerd.io/2/reference/proxy-configuration/',
  ],
  messages: {
    invalid: '{{annotation}} must be {{expected}}: "{{value}}" on {{object}} is not{{hint}}. {{effect}}',
    'spoils-injection':
      "{{annotation}} on {{object}} must not contain {{what}}: every Pod that inherits it is created without a proxy, or refused, since the injector's patch is no JSON then",
  },
  reads: injectionReads,
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    *Namespace(namespace, view) {
      const { minor } = view.settings
      for (const [key, text] of Object.entries(namespace.metadata.annotations ?? {})) {
        const known = proxyAnnotation(key)
        const value = text ?? ''
        if (!known || !isInheritedIn(known, minor) || isUnresolved(value)) continue
        const path = ['metadata', 'annotations', key]
        const what = spoilsPatch(value)
        const data = { annotation: key, object: describe(namespace) }
        if (what !== undefined && known.grammar !== 'inject')
          yield { message: 'spoils-injection', path, data: { ...data, what }, confidence: 'high' }
      }
      yield* invalid(namespace, namespace.metadata, ['metadata'], view, 'high')
    },
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    StatefulSet: judge,
  },
})

function* judge(subject: Resource<PodKind>, view: InjectionView) {
  const workload = workloadInjection(subject, view)
  const { template, namespace } = workload
  // What its Namespace may ask for is not known without it.
  if (!wouldInject(workload) && namespace !== undefined) return
  yield* invalid(subject, template.metadata, [...template.path, 'metadata'], view, certaintyOf(workload))
}

/** Grammars that are another rule's. */
const elsewhere: ReadonlySet<GrammarName> = new Set(['inject', 'overwritten', 'free'])

const severities: Readonly<Record<Consequence, Severity>> = {
  ignored: 'warning',
  dropped: 'warning',
  other: 'warning',
  refused: 'error',
  rejected: 'error',
  'init-fails': 'error',
}

function* invalid(object: Resource, metadata: ObjectMeta, path: Path, view: InjectionView, confidence: Confidence) {
  const { minor } = view.settings
  for (const [key, text] of Object.entries(metadata.annotations ?? {})) {
    const known = proxyAnnotation(key)
    const value = text ?? ''
    if (!known || !isKnownIn(known, minor) || elsewhere.has(known.grammar) || isUnresolved(value)) continue
    if (object.kind === 'Namespace' && (!isInheritedIn(known, minor) || spoilsPatch(value) !== undefined)) continue
    const grammar: Grammar = grammars[known.grammar]
    if (grammar.accepts(value, minor)) continue
    const at = [...path, 'annotations', key]
    const meant = meantBy(value, grammar, minor)
    const severity = severityOf(value, known.grammar, grammar.consequence)
    yield {
      message: 'invalid',
      path: at,
      data: {
        annotation: key,
        value,
        object: describe(object),
        expected: grammar.expected,
        effect: `${grammar.effect.charAt(0).toUpperCase()}${grammar.effect.slice(1)}`,
        hint: meant === undefined ? '' : ` (${meant} was meant?)`,
      },
      confidence,
      severity,
      fix: spellingOf(key, value, meant, at),
    } as const
  }
}

function severityOf(value: string, grammar: GrammarName, consequence: Consequence): Severity {
  // Templates leave values empty to mean the default, and the default it is.
  if (value === '' && consequence === 'ignored') return 'info'
  // Who may connect is not a matter of taste.
  return grammar === 'inboundPolicy' ? 'error' : severities[consequence]
}

/** The nearest valid spelling. */
function meantBy(value: string, { mend, spellings, accepts }: Grammar, minor: number): string | undefined {
  const meant = mend?.(value) ?? nearest(value.trim(), spellings?.(minor) ?? [])
  return meant !== undefined && meant !== '' && accepts(meant, minor) ? meant : undefined
}

/** Only case and spaces are corrected: what else was meant, its author knows. */
function spellingOf(key: string, value: string, meant: string | undefined, path: Path): Fix | undefined {
  return meant === undefined || bare(meant) !== bare(value)
    ? undefined
    : { title: `write ${key}: ${meant}`, edits: [{ op: 'set', path, value: meant }] }
}

function bare(text: string): string {
  return text.replaceAll(/\s+/g, '').toLowerCase()
}
