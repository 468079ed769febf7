import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster } from './cluster.ts'
import { crds } from './kit.ts'
import { until } from './until.ts'

/*
 * Kinds of others that the chart makes objects of. MESHGATE_KIT_CRDS names a folder with their real definitions, by project;
 * without it they are taken as they come.
 */

const kinds = {
  'cert-manager': [
    ['cert-manager.io', 'Certificate', 'certificates', 'Namespaced'],
    ['cert-manager.io', 'CertificateRequest', 'certificaterequests', 'Namespaced'],
    ['cert-manager.io', 'Issuer', 'issuers', 'Namespaced'],
    ['cert-manager.io', 'ClusterIssuer', 'clusterissuers', 'Cluster'],
  ],
  monitoring: [
    ['monitoring.coreos.com', 'PodMonitor', 'podmonitors', 'Namespaced'],
    ['monitoring.coreos.com', 'PrometheusRule', 'prometheusrules', 'Namespaced'],
    ['monitoring.coreos.com', 'ServiceMonitor', 'servicemonitors', 'Namespaced'],
  ],
} as const

/** Defines the kinds of a project, and waits until they are served. */
export async function define(cluster: Cluster, project: keyof typeof kinds): Promise<void> {
  const real = join(crds ?? '/nonexistent', project)
  const made = existsSync(real)
    ? await cluster.kubectl(['apply', '--server-side', '-f', real])
    : await cluster.kubectl(
        ['apply', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items: kinds[project].map((kind) => definition(kind)) }),
      )
  if (made.status !== 0) throw new Error(made.stderr)
  for (const [group, , plural] of kinds[project])
    await until(
      `the kind ${plural}`,
      async () => (await cluster.kubectl(['get', `${plural}.${group}`, '-A'])).status === 0,
    )
}

function definition([group, kind, plural, scope]: readonly [string, string, string, string]): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  }
}
