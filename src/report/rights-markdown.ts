import type { Right } from '../admission/rights.ts'

/** The page about rights: what each is for. Those that the same rules look at share a row. */
export function rightsMarkdown(rights: readonly Right[]): string {
  const all = new Set(rights.flatMap(({ rules }) => rules))
  const rows = Map.groupBy(rights, ({ rules, effect }) => JSON.stringify([rules, effect]))
  return [
    '# Rights',
    '',
    'What the service account may list and watch, and what looks at it. Without a right, the rules of its row find nothing that rests on it, and say so (`not judged: …`); where a rule does',
    'not look at it for an object, it judges that object as before. A resource that the cluster does not have is not missed. Everything else goes on; see [Operations](operations.md#without-one-of-its-rights).',
    '',
    '| right to list and watch | rules that look at it | without it |',
    '|---|---|---|',
    ...[...rows.values()].map((row) => {
      const [{ rules, effect = '' }] = row as [Right, ...Right[]]
      return `| ${row.map((right) => `\`${nameOf(right)}\``).join(', ')} | ${linksTo(rules, all)} | ${effect} |`
    }),
    '',
    'The rights to objects by name hold in the namespace of the control plane. In its own namespace, and to its own configurations, the service account has more:',
    '',
    '| right | where | without it |',
    '|---|---|---|',
    '| create `configmaps` | own namespace | nobody knows whether API servers call the webhook, as the dry run that shows it is refused (`no-right` in `meshgate_canary_total` and in the log); MeshgateSilent fires |',
    '| create `secrets`; get and update the one called `<release>-tls` | own namespace, in `tls.mode: self` | no certificate can be made or renewed: a replica without one is not ready, and those that have one serve it until it ends |',
    '| get and patch its own `validatingwebhookconfigurations` and `mutatingwebhookconfigurations` | by name, in `tls.mode: self` | its CA does not get into the `caBundle`: API servers go on with the one they have |',
    '',
  ].join('\n')
}

/** All of them but a few are sooner read by those few. */
function linksTo(rules: readonly string[], all: ReadonlySet<string>): string {
  const others = [...all].filter((id) => !rules.includes(id))
  return rules.length > 0 && others.length * 2 < rules.length ? `all but ${links(others)}` : links(rules)
}

function links(ids: readonly string[]): string {
  return ids.map((id) => `[${id}](rules/${id}.md)`).join(', ')
}

/** As RBAC and kubectl write it: `networkpolicies.networking.k8s.io`, `configmaps/linkerd-config`. */
export function nameOf({ group, resource, name }: Right): string {
  return `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`
}
