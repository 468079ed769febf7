import { type Scope, snapshotOf } from '../../src/core/snapshot.ts'
import { type Stage, type View, viewOf } from '../../src/core/view.ts'
import type { KindName } from '../../src/k8s/kinds.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { inboundReads } from '../../src/linkerd/protocols/inbound-protocol.ts'
import { defaultSettings, type LinkerdSettings } from '../../src/linkerd/settings.ts'

const reads = [...inboundReads, 'Service'] as const

/** A small world of objects as they are on the wire. */
export interface World {
  readonly view: View<(typeof reads)[number], LinkerdSettings>
  /** The object of that kind and name. */
  readonly find: <K extends KindName>(kind: K, name: string) => Resource<K>
}

/** The world that holds these objects; each must be readable. */
export function worldOf(
  objects: readonly object[],
  settings: Partial<LinkerdSettings> = {},
  { stage = 'declared', scope = 'input' }: { stage?: Stage; scope?: Scope } = {},
): World {
  const resources = objects.map((object) => {
    const read = readResource(object)
    if (read.as !== 'resource') throw new Error(`not readable: ${JSON.stringify(object)}`)
    return read.resource
  })
  return {
    view: viewOf(snapshotOf(resources, scope), reads, { ...defaultSettings, ...settings }, stage),
    find<K extends KindName>(kind: K, name: string) {
      const found = resources.find((resource) => resource.kind === kind && resource.name === name)
      if (!found) throw new Error(`no ${kind} ${name}`)
      return found as Resource<K>
    },
  }
}

type Texts = Readonly<Record<string, string>>

export const namespace = (annotations: Texts = { 'linkerd.io/inject': 'enabled' }, labels: Texts = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', annotations, labels },
})

export const service = (spec: object, annotations: Texts = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'svc', namespace: 'shop', annotations },
  spec: { selector: { app: 'a' }, ...spec },
})

export const pod = (ports: readonly object[], annotations: Texts = {}, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pod', namespace: 'shop', labels: { app: 'a' }, annotations },
  spec: { containers: [{ name: 'main', image: 'registry.example/app:1', ports }], ...spec },
})

export const server = (name: string, spec: object, creationTimestamp?: string) => ({
  apiVersion: 'policy.linkerd.io/v1beta3',
  kind: 'Server',
  metadata: { name, namespace: 'shop', creationTimestamp: creationTimestamp ?? null },
  spec: { podSelector: { matchLabels: { app: 'a' } }, ...spec },
})

/** A route of a parent, by default of the Service `svc`. */
export const route = (kind: string, name: string, parent: object = {}, more: object = {}) => ({
  apiVersion: kind === 'PolicyHTTPRoute' ? 'policy.linkerd.io/v1beta3' : 'gateway.networking.k8s.io/v1',
  kind: kind === 'PolicyHTTPRoute' ? 'HTTPRoute' : kind,
  metadata: { name, namespace: 'shop' },
  spec: { parentRefs: [{ group: 'core', kind: 'Service', name: 'svc', ...parent }], ...more },
})
