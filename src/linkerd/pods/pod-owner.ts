import type { ObjectMeta } from '../../k8s/spec-shapes.ts'

/** Who made a Pod, as the injector names it in a label and in Events. */
export interface PodOwner {
  readonly kind: string
  readonly name: string
}

/** Parents of a ReplicaSet that the injector names instead of it: so it is `replicaset` for an Argo Rollout. */
const replicaSetParents = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job'])

/**
 * Whom the injector takes for the maker of a Pod (linkerd2 controller/k8s/metadata_api.go `GetOwnerKindAndName`):
 *
 *   | the Pod's owner | its only owner        | answer              |
 *   | none or several |                       | the Pod itself      |
 *   | ReplicaSet      | a kind it knows       | that one            |
 *   | ReplicaSet      | another kind, or gone | the ReplicaSet      |
 *   | Job             | one, such as CronJob  | that one            |
 *   | any other       |                       | the owner           |
 *
 * @param metadataOf the metadata of an owner, or undefined when it is not there
 */
export function podOwner(
  pod: ObjectMeta,
  metadataOf: (owner: PodOwner) => ObjectMeta | undefined,
): PodOwner | undefined {
  const owner = onlyOwner(pod)
  if (owner?.kind !== 'ReplicaSet' && owner?.kind !== 'Job') return owner
  const parent = onlyOwner(metadataOf(owner))
  if (parent === undefined) return owner
  return owner.kind === 'Job' || replicaSetParents.has(parent.kind) ? parent : owner
}

function onlyOwner(metadata: ObjectMeta | undefined): PodOwner | undefined {
  const owners = metadata?.ownerReferences ?? []
  const [first] = owners
  return owners.length === 1 && first ? { kind: first.kind ?? '', name: first.name ?? '' } : undefined
}
