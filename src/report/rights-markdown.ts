import type { Right } from '../admission/rights.ts'

/** The page about rights: what each is for, a row each. */
export function rightsMarkdown(rights: readonly Right[]): string {
  return [
    '# Rights',
    '',
    'What the service account may list and watch, and what looks at it. Without a right, the rules of its row find nothing that rests on it, and say so (`not judged: …`); where a rule does',
    'not look at it for an object, it judges that object as before. A resource that the cluster does not have is not missed. Everything else goes on; see [Operations](operations.md#without-one-of-its-rights).',
    'The rights to objects by name hold in the namespace of the control plane.',
    '',
    '| right to list and watch | rules that look at it | without it |',
    '|---|---|---|',
    ...rights.map(
      (right) =>
        `| \`${nameOf(right)}\` | ${right.rules.map((id) => `[${id}](rules/${id}.md)`).join(', ')} | ${right.effect ?? ''} |`,
    ),
    '',
  ].join('\n')
}

/** As RBAC and kubectl write it: `networkpolicies.networking.k8s.io`, `configmaps/linkerd-config`. */
export function nameOf({ group, resource, name }: Right): string {
  return `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`
}
