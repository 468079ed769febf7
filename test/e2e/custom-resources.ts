import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { apply, done } from './apply.ts'
import type { Cluster } from './cluster.ts'
import { crds } from './kit.ts'
import { until } from './until.ts'

/* Kinds that a project other than Kubernetes defines. */

export interface CustomKind {
  readonly group: string
  readonly kind: string
  /** Its plural. */
  readonly resource: string
  readonly namespaced: boolean
}

export const monitoringKinds: readonly CustomKind[] = [
  ['PodMonitor', 'podmonitors'] as const,
  ['PrometheusRule', 'prometheusrules'] as const,
  ['ServiceMonitor', 'servicemonitors'] as const,
].map(([kind, resource]) => ({ group: 'monitoring.coreos.com', kind, resource, namespaced: true }))

/** Whatever comes, it is kept. */
export const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

/** A definition that takes what this schema takes. Objects are stored as the first of the versions. */
export function definition(
  { group, kind, resource, namespaced }: CustomKind,
  { versions = ['v1'], schema = anything }: { readonly versions?: readonly string[]; readonly schema?: object } = {},
): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: nameOf({ group, resource }),
      annotations: { 'api-approved.kubernetes.io': 'unapproved, a stub for a test' },
    },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { kind, plural: resource, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: versions.map((name, i) => ({
        name,
        served: true,
        storage: i === 0,
        subresources: { status: {} },
        schema: { openAPIV3Schema: schema },
      })),
    },
  }
}

/**
 * Defines kinds as the kit's real definitions have them; those that it lacks are taken as they come. Ends when all are served.
 *
 * @returns how many are real
 */
export async function define(cluster: Cluster, kinds: readonly CustomKind[]): Promise<number> {
  const files = kinds.flatMap((kind) => realDefinition(kind) ?? [])
  const stubs = kinds.filter((kind) => realDefinition(kind) === undefined).map((kind) => definition(kind))
  // Too long for the annotation that apply leaves on the client's side.
  if (files.length > 0)
    done(await cluster.kubectl(['apply', '--server-side', ...files.map((file) => `--filename=${file}`)]))
  if (stubs.length > 0) await apply(cluster, ...stubs)
  await served(cluster, kinds)
  return files.length
}

/** Ends when objects of these kinds can be asked for. */
export async function served(cluster: Cluster, kinds: readonly CustomKind[]): Promise<void> {
  const all = kinds.map(nameOf).join(',')
  await until(all, async () => (await cluster.kubectl(['get', all, '-A'])).status === 0)
}

function nameOf({ group, resource }: Pick<CustomKind, 'group' | 'resource'>): string {
  return `${resource}.${group}`
}

/** The kit's file that defines a kind. */
function realDefinition({ group, resource }: CustomKind): string | undefined {
  if (crds === undefined) return undefined
  const folder = crds
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => new RegExp(`(^|[/_])${resource}\\.yaml$`).test(name))
    .map((name) => join(folder, name))
    .find((file) => readFileSync(file, 'utf8').includes(`\n  group: ${group}\n`))
}
