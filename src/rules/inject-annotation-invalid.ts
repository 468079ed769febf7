import type { Fix } from '../core/edit.ts'
import { nearest } from '../core/nearest.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import { type PodKind, podTemplateOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, type Resource } from '../k8s/resource.ts'
import { annotations } from '../linkerd/facts.ts'
import { grammars } from '../linkerd/injection/annotation-grammar.ts'
import type { InjectionView } from '../linkerd/injection/workload-injection.ts'
import { defineRule } from '../linkerd/rule.ts'

export const injectAnnotationInvalid = defineRule({
  id: 'inject-annotation-invalid',
  severity: 'error',
  judges: 'both',
  summary: 'The annotation linkerd.io/inject must say enabled, disabled or ingress, letter by letter.',
  why: `The injector compares the value exactly: \`true\`, \`Enabled\` and \`enabled\` with a space behind it are all invalid, and an invalid value never injects. On a Pod it wins over an
enabled namespace. On a Namespace it is tested first, so that **no** Pod of the namespace is injected any more, not even one that says \`enabled\` itself.`,
  remediation: 'Write enabled, disabled or ingress, or remove the annotation.',
  limits:
    'The empty value is as good as no annotation. Pods that are already in a cluster are judged by `pod-not-injected`.',
  sources: [
    'linkerd2 pkg/inject/report.go (edge-26.8)',
    'https://github.com/linkerd/linkerd2/issues/3739',
    'https://github.com/linkerd/linkerd2/issues/4149',
  ],
  messages: {
    'on-namespace':
      'write enabled, disabled or ingress in linkerd.io/inject: with "{{value}}" no Pod of {{object}} is injected, not even one that says enabled itself{{hint}}',
    'on-pod':
      'write enabled, disabled or ingress in linkerd.io/inject: with "{{value}}" {{object}} is not injected, whatever its namespace says{{hint}}',
  },
  reads: [],
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    *Namespace(namespace) {
      const value = annotationOf(namespace.metadata, annotations.inject)
      if (value !== undefined && isInvalid(value))
        yield { message: 'on-namespace', ...about(value, ['metadata'], describe(namespace)) } as const
    },
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    StatefulSet: judge,
  },
})

function* judge(subject: Resource<PodKind>, view: Pick<InjectionView, 'stage'>) {
  if (subject.kind === 'Pod' && view.stage === 'admitted') return
  const { metadata, path } = podTemplateOf(subject)
  const value = annotationOf(metadata, annotations.inject)
  if (value !== undefined && isInvalid(value))
    yield { message: 'on-pod', ...about(value, [...path, 'metadata'], describe(subject)) } as const
}

function isInvalid(value: string): boolean {
  return !grammars.inject.accepts(value) && !isUnresolved(value)
}

function about(value: string, metadata: Path, object: string) {
  const path = [...metadata, 'annotations', annotations.inject]
  const words = ['enabled', 'disabled', 'ingress'] as const
  const meant = nearest(value.trim(), words) ?? grammars.bool.mend(value)
  const word = meant === 'true' ? 'enabled' : meant === 'false' ? 'disabled' : meant
  return {
    path,
    data: { value, object, hint: word === undefined ? '' : ` (${word} was meant?)` },
    confidence: 'high',
    fix: spellingOf(value, words, path),
  } as const
}

/** Only case and spaces are corrected: what another word meant, its author knows. */
function spellingOf(value: string, words: readonly string[], path: Path): Fix | undefined {
  const word = words.find((one) => one === value.trim().toLowerCase())
  return word === undefined
    ? undefined
    : { title: `write ${word} as the injector reads it`, edits: [{ op: 'set', path, value: word }] }
}
