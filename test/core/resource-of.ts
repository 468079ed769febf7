import type { KindName } from '../../src/k8s/kinds.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'

/** The resource that this manifest is; a test that gives another kind is wrong. */
export function resourceOf<K extends KindName>(manifest: unknown, kind: K): Resource<K> {
  const read = readResource(manifest)
  if (read.as !== 'resource' || read.resource.kind !== kind) throw new Error(`this is no ${kind}`)
  return read.resource as Resource<K>
}
