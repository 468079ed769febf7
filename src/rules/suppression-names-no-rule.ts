import { suppressPrefix } from '../core/enforce.ts'
import { nearest } from '../core/nearest.ts'
import type { Rule } from '../core/rule.ts'
import type { Path } from '../k8s/json.ts'
import type { KindName } from '../k8s/kinds.ts'
import { type PodKind, podKinds, podTemplateOf } from '../k8s/pod-template.ts'
import { describe, isMadeByController, type Resource } from '../k8s/resource.ts'
import type { ObjectMeta } from '../k8s/spec-shapes.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

const id = 'suppression-names-no-rule'

/** Looking for the nearest name takes time, and an object may have thousands of annotations. */
const mostHints = 20

/**
 * A rule about annotations in our own name, which must know the names of all rules.
 *
 * @param others every other rule; it judges the kinds that they judge in a cluster, so that nobody is asked for more
 */
export function suppressionNamesNoRule(others: readonly Rule<LinkerdSettings>[]): Rule<LinkerdSettings> {
  const names = [...others.map((rule) => rule.id), id]
  const known: ReadonlySet<string> = new Set(names)

  function* judge(subject: Resource) {
    // Whoever made the object copied the annotation from one that was told.
    if (isMadeByController(subject.metadata)) return
    yield* unknownAmong(subject, subject.metadata, ['metadata'])
    if (subject.kind === 'Pod' || !isPodKind(subject)) return
    const { metadata, path } = podTemplateOf(subject)
    yield* unknownAmong(subject, metadata, [...path, 'metadata'])
  }

  function* unknownAmong(subject: Resource, { annotations }: ObjectMeta, path: Path) {
    let told = 0
    for (const key in annotations) {
      if (!key.startsWith(suppressPrefix)) continue
      const name = key.slice(suppressPrefix.length)
      if (known.has(name)) continue
      const near = told++ < mostHints ? nearest(name, names) : undefined
      const hint = near === undefined ? '' : ` (${near} was meant?)`
      const data = { name, object: describe(subject), hint }
      yield { message: 'unknown', path: [...path, 'annotations', key], data, confidence: 'medium' } as const
    }
  }

  const judged = others.filter(({ judges }) => judges !== 'declared').flatMap(({ check }) => Object.keys(check))
  return defineRule({
    id,
    severity: 'warning',
    judges: 'both',
    summary: 'An annotation that suppresses a rule must name one that there is.',
    why: `\`suppress.meshgate.dev/<rule>: "<reason>"\` on an object lets the findings of that rule be. A key with a letter missing, or with the name of another tool's rule, suppresses nothing, and the finding that somebody
wanted to be rid of is still there, in CI or as a denial.`,
    remediation: 'Correct the name of the rule, or remove the annotation.',
    limits:
      'It never denies: another release of meshgate may know the rule. A rule that is switched off is known. In a Pod template the annotation is for the Pods, and is told of where the template stands. Kinds that no rule judges in a cluster are left alone.',
    sources: ['docs/configuration.md', 'istioctl analyze -S (warns of unknown codes)'],
    messages: {
      unknown:
        'there is no rule "{{name}}"{{hint}}, so its suppress.meshgate.dev annotation on {{object}} does nothing',
    },
    reads: [],
    check: Object.fromEntries((judged as KindName[]).toSorted().map((kind) => [kind, judge])),
  })
}

function isPodKind(subject: Resource): subject is Resource<PodKind> {
  return (podKinds as readonly KindName[]).includes(subject.kind)
}
