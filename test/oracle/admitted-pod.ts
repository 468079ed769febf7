import type { Injectable } from '../../src/linkerd/injection/injection.ts'

const tokenMount = { mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', name: 'token' }

/**
 * The Pod of a record as the webhook saw it: after the API server had mounted the token, unless the Pod or else its
 * ServiceAccount opted out, and with its owner's reference.
 */
export function admittedPod(record: Record<string, any>): Injectable {
  const { pod, serviceAccount, owners = [] } = record
  const mounted = (pod.spec.automountServiceAccountToken ?? serviceAccount?.automountServiceAccountToken) !== false
  const [first, ...others] = pod.spec.containers ?? []
  const withMount = mounted ? { ...first, volumeMounts: [...(first?.volumeMounts ?? []), tokenMount] } : first
  const owner = owners.at(-1)
  return {
    metadata: { ...pod.metadata, ...(owner ? { ownerReferences: [{ kind: owner.kind, name: owner.name }] } : {}) },
    spec: { ...pod.spec, containers: first ? [withMount, ...others] : [] },
    admitted: true,
  }
}
