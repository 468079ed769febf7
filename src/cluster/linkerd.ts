import { isObject, own } from '../k8s/json.ts'
import { type LinkerdObjects, type LinkerdOfCluster, linkerdOfCluster } from '../linkerd/cluster-settings.ts'
import { identity, installation } from '../linkerd/facts.ts'
import { readValue } from '../manifests/read-document.ts'
import { type Reflector, type ReflectorDependencies, startReflector, type Target } from './reflector.ts'
import type { WireObject } from './watch.ts'

/** Follows what the cluster says of its Linkerd. */
export interface LinkerdWatch {
  /** As it is now. */
  current(): LinkerdOfCluster
  /** What is not known, and why. */
  troubles(): string[]
  stop(): Promise<void>
}

type Part = keyof LinkerdObjects

/**
 * Watches three objects by their names, so that RBAC can be by resourceNames.
 *
 * @param namespace of the control plane
 * @param onChange told whenever one of the objects changed
 */
export function watchLinkerd(
  namespace: string,
  dependencies: ReflectorDependencies,
  onChange: (found: LinkerdOfCluster) => void,
): LinkerdWatch {
  const objects: { -readonly [P in Part]: LinkerdObjects[P] } = {
    values: undefined,
    destination: undefined,
    trustRoots: undefined,
  }
  let current = linkerdOfCluster(objects)
  const put = (part: Part, value: unknown) => {
    objects[part] = value
    current = linkerdOfCluster(objects)
    onChange(current)
  }
  const parts: readonly (readonly [Part, Target<{ readonly value: unknown }>])[] = [
    ['values', target('', 'configmaps', { namespace, name: installation.config }, valuesOf, 'values', put)],
    [
      'destination',
      target('apps', 'deployments', { namespace, name: installation.destination }, (o) => o, 'destination', put),
    ],
    ['trustRoots', target('', 'configmaps', { namespace, name: identity.trustRoots }, (o) => o, 'trustRoots', put)],
  ]
  const reflectors: readonly (readonly [Part, Reflector])[] = parts.map(([part, target]) => [
    part,
    startReflector(target, dependencies),
  ])
  return {
    current: () => current,
    troubles: () =>
      reflectors.flatMap(([part, reflector]) => {
        const { synced, malformed, error } = reflector.health()
        if (!synced) return [`${nameOf[part]}: not synced: ${error ?? 'not asked yet'}`]
        return malformed > 0 ? [`${nameOf[part]}: cannot be read`] : []
      }),
    async stop() {
      await Promise.all(reflectors.map(([, reflector]) => reflector.stop()))
    },
  }
}

const nameOf: Readonly<Record<Part, string>> = {
  values: `ConfigMap ${installation.config}`,
  destination: `Deployment ${installation.destination}`,
  trustRoots: `ConfigMap ${identity.trustRoots}`,
}

function target(
  group: string,
  resource: string,
  only: { readonly namespace?: string; readonly name: string },
  read: (object: WireObject) => unknown,
  part: Part,
  put: (part: Part, value: unknown) => void,
): Target<{ readonly value: unknown }> {
  return {
    group,
    resource,
    only,
    decode: (_apiVersion, object) => ({ value: read(object) }),
    sink: {
      replace: ([first]) => put(part, first === undefined ? null : first.value),
      upsert: ({ value }) => put(part, value),
      remove: () => put(part, null),
    },
  }
}

/** The Helm values in the ConfigMap. */
function valuesOf(object: WireObject): unknown {
  const data = own(object, 'data')
  const text = isObject(data) ? own(data, installation.configKey) : undefined
  if (typeof text !== 'string') throw new Error(`has no ${installation.configKey}`)
  const read = readValue(text)
  if ('failure' in read) throw new Error(read.failure)
  return read.value
}
