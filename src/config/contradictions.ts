import type { Path } from '../k8s/json.ts'
import type { LabelSelector } from '../k8s/spec-shapes.ts'
import { wrongProtocols } from './added-protocols.ts'
import type { ConfigFile } from './config-file.ts'
import { readExpiry } from './expiry.ts'
import type { ConfigError } from './validate.ts'

/** What a file says that follows the schema and still makes no sense: a day that does not exist, a condition on nothing. */
export function contradictions({
  rules,
  exemptions = [],
  requireInjection = [],
  protocols = [],
}: ConfigFile): ConfigError[] {
  const inRules = Object.entries(rules ?? {}).flatMap(([id, { namespaces = [] }]) =>
    namespaces.flatMap((entry, i) =>
      'selector' in entry ? inSelector(entry.selector, ['rules', id, 'namespaces', i, 'selector']) : [],
    ),
  )
  const inExemptions = exemptions.flatMap(({ expires }, i) =>
    expires !== undefined && readExpiry(expires) === undefined
      ? [{ path: ['exemptions', i, 'expires'], text: `there is no ${expires}` }]
      : [],
  )
  const inRequired = requireInjection.flatMap((pattern, i) =>
    typeof pattern === 'string' ? [] : inSelector(pattern.selector, ['requireInjection', i, 'selector']),
  )
  return [...inRules, ...inExemptions, ...inRequired, ...wrongProtocols(protocols)]
}

/** As the API server judges a selector: In and NotIn need values, Exists and DoesNotExist have none. */
function inSelector({ matchExpressions }: LabelSelector, path: Path): ConfigError[] {
  return (matchExpressions ?? []).flatMap((term, i) => {
    const needed = term?.operator === 'In' || term?.operator === 'NotIn'
    const given = (term?.values ?? []).length > 0
    if (needed === given) return []
    const text = needed ? `${term?.operator} needs values` : `${term?.operator} takes no values`
    return [{ path: [...path, 'matchExpressions', i], text }]
  })
}
