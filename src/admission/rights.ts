import { type KindName, kinds } from '../k8s/kinds.ts'
import { identity, installation } from '../linkerd/facts.ts'
import { type AccessRule, clusterAccess, linkerdAccess, type Registered } from './registration.ts'

/** One thing that the service account may list and watch: all there is of a resource, or one object of Linkerd's. */
export interface Right {
  readonly group: string
  readonly resource: string
  /** The object in the control plane's namespace, where it is but one. */
  readonly name?: string
  /** Rules that look at it, by their ids: without the right they find nothing where they would have. */
  readonly rules: readonly string[]
  /** What else is missed. */
  readonly effect?: string
}

/** Every right, with what it is for: as the access rules list them, and each member by itself. */
export function rightsOf(rules: readonly (Registered & { readonly id: string })[]): Right[] {
  const readers = (group: string, resource: string) => {
    const isMeant = (kind: KindName) => kinds[kind].resource === resource && groupsOf(kind).includes(group)
    return rules.filter(({ reads }) => reads.some(isMeant)).map(({ id }) => id)
  }
  return [
    ...clusterAccess(rules).flatMap((rule) =>
      each(rule).map(([group, resource]) => {
        const effect = effects[resource]
        return { group, resource, rules: readers(group, resource), ...(effect === undefined ? {} : { effect }) }
      }),
    ),
    ...linkerdAccess().flatMap((rule) =>
      each(rule).flatMap(([group, resource]) =>
        (rule.resourceNames ?? []).map((name) => ({ group, resource, name, rules: [], effect: effects[name] ?? '' })),
      ),
    ),
  ]
}

/** Access rules without one right: what is left when somebody takes it away. */
export function accessWithout(rules: readonly AccessRule[], { group, resource, name }: Right): AccessRule[] {
  return rules.flatMap((rule): AccessRule[] => {
    if (!rule.apiGroups.includes(group) || !rule.resources.includes(resource)) return [rule]
    if ((rule.resourceNames === undefined) !== (name === undefined)) return [rule]
    if (rule.resourceNames !== undefined) {
      const resourceNames = rule.resourceNames.filter((one) => one !== name)
      return resourceNames.length > 0 ? [{ ...rule, resourceNames }] : []
    }
    const resources = rule.resources.filter((one) => one !== resource)
    return resources.length > 0 ? [{ ...rule, resources }] : []
  })
}

function each({ apiGroups, resources }: AccessRule): [group: string, resource: string][] {
  return apiGroups.flatMap((group) => resources.map((resource): [string, string] => [group, resource]))
}

function groupsOf(kind: KindName): readonly string[] {
  return [kinds[kind].group, ...(kinds[kind].alsoIn ?? [])]
}

const effects: Readonly<Record<string, string>> = {
  namespaces: '`selector`s of the configuration match nothing, and no denial hangs on them',
  mutatingwebhookconfigurations: "whom Linkerd's injector is called for is taken to be as in its chart",
  validatingwebhookconfigurations: "the certificates of Linkerd's validating webhooks are not watched",
  [installation.config]: "Linkerd's settings are those of the configuration, else the defaults",
  [installation.destination]:
    'nothing, as long as the right to all Deployments is there; without either, Helm values tell how proxies connect',
  [identity.trustRoots]: "no metric tells when the mesh's trust anchors end",
}
