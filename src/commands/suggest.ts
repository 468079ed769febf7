import type { Enforced } from '../core/enforce.ts'
import { plainText } from '../core/plain-text.ts'
import { snapshotOf } from '../core/snapshot.ts'
import { viewOf } from '../core/view.ts'
import { reachReads } from '../linkerd/reach/reach-ends.ts'
import { suggestAuthorization } from '../linkerd/reach/suggest-authorization.ts'
import { suggestNamespacePolicies } from '../linkerd/reach/suggest-namespace.ts'
import { basisOf } from '../linkerd/reach/suggestion.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import type { Loaded } from '../manifests/loading.ts'
import { renderYaml } from '../manifests/render-yaml.ts'

/** What `--suggest` may be about. */
export const suggestionKinds = ['port', 'namespace'] as const

export type SuggestionKind = (typeof suggestionKinds)[number]

const rule = 'network-policy-omits-proxy-port'

/** `--suggest` alone means each port. A folder of the other name is `./namespace`. */
export function withSuggestionKind(args: readonly string[]): string[] {
  const written: string[] = []
  for (const [i, arg] of args.entries())
    if (arg === '--suggest') written.push(args[i + 1] === 'namespace' ? '--suggest=namespace' : '--suggest=port')
    else if (!(arg === 'namespace' && args[i - 1] === '--suggest')) written.push(arg)
  return written
}

/**
 * YAML documents that go with what `check` found of policies without the mesh's port: what restores authorization by port, or
 * the one policy for a whole namespace. Empty where nothing was found; remarks are comments.
 */
export function suggestionsFor(
  kind: SuggestionKind,
  found: readonly Enforced[],
  loaded: Loaded,
  settings: LinkerdSettings,
): string {
  const subjects = new Set<object>(
    found.filter(({ finding }) => finding.rule === rule).map(({ finding }) => finding.subject),
  )
  if (subjects.size === 0) return ''
  const view = viewOf(snapshotOf(loaded.resources, 'input'), reachReads, settings, 'declared')
  const basis = basisOf(view, subjects)
  const suggestions = kind === 'namespace' ? suggestNamespacePolicies(basis) : suggestAuthorization(basis, view)
  if (suggestions.length === 0)
    return '# nothing to suggest: the Pods that the findings are about are not in the input\n'
  return suggestions
    .map(({ remarks, objects }) => {
      const comments = remarks.map((remark) => `# ${plainText(remark)}\n`).join('')
      return `---\n${comments}${objects.map(renderYaml).join('---\n')}`
    })
    .join('')
}
