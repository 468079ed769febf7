import { snapshotOf } from '../../src/core/snapshot.ts'
import { type View, viewOf } from '../../src/core/view.ts'
import type { KindName } from '../../src/k8s/kinds.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { type GapView, gapReads } from '../../src/linkerd/policies/gap-view.ts'
import { defaultSettings, type LinkerdSettings } from '../../src/linkerd/settings.ts'

/** The object as rules see it. */
export function resource<K extends KindName>(kind: K, wire: object): Resource<K> {
  const read = readResource(JSON.parse(JSON.stringify(wire)))
  if (read.as !== 'resource' || read.resource.kind !== kind) throw new Error(JSON.stringify(read))
  return read.resource as Resource<K>
}

/** A world that holds these objects, as a rule about policies sees it. */
export function worldOf(
  resources: readonly Resource[],
  settings: Partial<LinkerdSettings> = {},
  scope: View<KindName, unknown>['scope'] = 'input',
): GapView {
  return viewOf(snapshotOf(resources, scope), gapReads, { ...defaultSettings, ...settings }, 'declared')
}

export function namespace(name: string, inject?: string, extra: object = {}): Resource<'Namespace'> {
  const annotations = { ...(inject === undefined ? {} : { 'linkerd.io/inject': inject }), ...extra }
  return resource('Namespace', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, annotations } })
}

interface PodSketch {
  readonly namespace?: string
  readonly labels?: object
  readonly annotations?: object
  readonly created?: boolean
  readonly spec?: object
}

export function pod(
  name: string,
  { namespace = 'a', labels = {}, annotations = {}, created = false, spec = {} }: PodSketch = {},
): Resource<'Pod'> {
  const metadata = { name, namespace, labels, annotations, creationTimestamp: created ? '2026-11-01T10:00:00Z' : null }
  return resource('Pod', { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'app' }], ...spec } })
}

export function policy(name: string, spec: object, namespace = 'a'): Resource<'NetworkPolicy'> {
  const metadata = { name, namespace }
  return resource('NetworkPolicy', { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec })
}
