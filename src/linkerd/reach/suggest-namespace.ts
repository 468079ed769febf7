import type { Direction } from '../../policy/policy.ts'
import { labels } from '../facts.ts'
import type { Basis, Suggestion } from './suggestion.ts'

/**
 * One policy for a namespace instead of a change to each of its policies: it opens the mesh's port between all meshed Pods.
 * A policy about every Pod also isolates every Pod, so a direction is left out in which some Pod is not isolated yet.
 */
export function suggestNamespacePolicies({ world, broken }: Basis): Suggestion[] {
  const asked = new Map<string, Set<Direction>>()
  const ports = new Map<string, Set<number>>()
  for (const { causes, from, to, wirePort } of broken)
    for (const { direction } of causes) {
      const namespace = (direction === 'ingress' ? to : from)[0]?.namespace
      if (namespace === undefined || wirePort === undefined) continue
      asked.set(namespace, (asked.get(namespace) ?? new Set()).add(direction))
      ports.set(namespace, (ports.get(namespace) ?? new Set()).add(wirePort))
    }
  return [...asked].map(([namespace, directions]) => {
    const remarks = [
      `namespace ${namespace}: opens the mesh's port between all meshed Pods, and with it every port that goes through the proxy; restrict that again with what --suggest prints`,
      'anybody who makes Pods can give them the label; what protects is that the proxy takes mutual TLS only',
    ]
    const spec: Record<string, unknown> = { podSelector: {} }
    const types: string[] = []
    for (const direction of ['ingress', 'egress'] as const) {
      if (!directions.has(direction)) continue
      const free = world.ends.filter((end) => end.endpoint.namespace === namespace && !end.sides[direction].isolated)
      const [first] = free.flatMap(({ workloads }) => workloads)
      if (first) {
        remarks.push(
          `left out: ${direction}, which no policy restricts for ${first.name} today; it would deny that everything else. Use --fix, or deny by default first`,
        )
        continue
      }
      types.push(direction === 'ingress' ? 'Ingress' : 'Egress')
      const meshed = { matchExpressions: [{ key: labels.controlPlaneNamespace, operator: 'Exists' }] }
      spec[direction] = [
        {
          [direction === 'ingress' ? 'from' : 'to']: [{ namespaceSelector: {}, podSelector: meshed }],
          ports: [...(ports.get(namespace) ?? [])].map((port) => ({ port, protocol: 'TCP' })),
        },
      ]
    }
    if (types.length === 0) return { remarks, objects: [] }
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'allow-linkerd-proxy', namespace },
      spec: { ...spec, policyTypes: types },
    }
    return { remarks, objects: [policy] }
  })
}
