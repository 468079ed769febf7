import { createProjector, type Projector } from '../../src/cluster/project.ts'
import { createStore, type Store } from '../../src/core/store.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'
import { dialectsOf } from './dialects.ts'
import {
  deploymentsOf,
  namespacesOf,
  podsOf,
  policiesOf,
  servicesOf,
  type Wire,
  type WorldSize,
} from './scale-world.ts'

/** 100 policies and 1,000 Pods in 10 namespaces. */
export const smallCluster: WorldSize = { namespaces: 10, workloads: 10, pods: 10, policies: 10 }

/** 10,000 policies and 100,000 Pods in 1,000 namespaces. */
export const largeCluster: WorldSize = { ...smallCluster, namespaces: 1000 }

/** The made objects of a kind; none for kinds that the made cluster does not have. */
export function objectsOf(kind: KindName, size: WorldSize): Iterable<Wire> {
  switch (kind) {
    case 'Namespace':
      return namespacesOf(size)
    case 'Deployment':
      return deploymentsOf(size)
    case 'Pod':
      return podsOf(size)
    case 'Service':
      return servicesOf(size)
    case 'NetworkPolicy':
      return policiesOf(size)
    default:
      return size.dialects ? dialectsOf(kind, size) : []
  }
}

/** Kinds that rules read. */
export const kindsRead: readonly KindName[] = [...new Set(rules.flatMap((rule) => rule.reads))]

/** A store as the reflectors leave it behind: every object came as JSON of its own, through the projector. */
export function fillStore(size: WorldSize): Store {
  const store = createStore()
  const project = createProjector()
  for (const kind of kindsRead) {
    store.replace(kind, resourcesOf(kind, size, project))
    store.mark(kind, undefined)
  }
  return store
}

function* resourcesOf(kind: KindName, size: WorldSize, project: Projector): Generator<Resource> {
  for (const object of objectsOf(kind, size)) yield readAs(kind, object, project)
}

/** The object as a reflector reads it. */
export function readAs(kind: KindName, object: Wire, project: Projector): Resource {
  const { group } = kinds[kind]
  const found = project(kind, group === '' ? 'v1' : `${group}/v1`, JSON.parse(JSON.stringify(object)))
  if (found.as !== 'resource') throw new Error(`a made ${kind} is ${found.as}`)
  return found.resource
}
