import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AccessRule, Webhook } from '../../src/admission/registration.ts'
import { readValue } from '../../src/manifests/read-document.ts'
import { leadsToLoopback } from './manifests.ts'

/*
 * meshgate as it is to be installed: the generated rules, conditions, selectors and rights, exactly as they are in
 * charts/meshgate/files.
 */

/** Where the webhook's Service is. The certificate is for {@link tlsName}. */
const home = 'meshgate'
export const tlsName = `meshgate.${home}.svc`

function generated(name: string): unknown {
  const read = readValue(readFileSync(join(import.meta.dirname, '../../charts/meshgate/files', name), 'utf8'))
  if ('failure' in read) throw new Error(read.failure)
  return read.value
}

const registered = generated('webhooks.yaml') as {
  readonly names: { readonly validating: string; readonly mutating: string }
  readonly validating: readonly Webhook[]
  readonly mutating: readonly Webhook[]
}

/** What the ServiceAccount may do: in the whole cluster, and in the namespace of the control plane. */
export const access = generated('access.yaml') as {
  readonly cluster: readonly AccessRule[]
  readonly linkerd: readonly AccessRule[]
}

export const names: { readonly validating: string; readonly mutating: string } = registered.names

/** Both configurations, and a Service that leads to this port on loopback, by HTTP/1.1 and the real TLS name. */
export function registration(port: number, ca: string): object[] {
  const entries = (webhooks: readonly Webhook[], path: string) =>
    webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: {
        service: { name: 'meshgate', namespace: home, path, port },
        caBundle: Buffer.from(ca).toString('base64'),
      },
    }))
  const configuration = (kind: string, name: string, webhooks: readonly object[]) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    webhooks,
  })
  return [
    leadsToLoopback(home, 'meshgate'),
    configuration('ValidatingWebhookConfiguration', names.validating, entries(registered.validating, '/validate')),
    configuration('MutatingWebhookConfiguration', names.mutating, entries(registered.mutating, '/mutate')),
  ]
}

/** A ServiceAccount of this name in meshgate's namespace with these rights. */
export function account(name: string, rights: typeof access = access): object[] {
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: home } },
    ...grant(name, name, rights.cluster),
    ...grant(name, name, rights.linkerd, 'linkerd'),
  ]
}

/** A role of this name for a ServiceAccount of meshgate's namespace: in the whole cluster, or in one namespace. */
export function grant(account: string, name: string, rules: readonly AccessRule[], namespace?: string): object[] {
  const apiGroup = 'rbac.authorization.k8s.io'
  const apiVersion = `${apiGroup}/v1`
  const [kind, metadata] = namespace === undefined ? ['ClusterRole', { name }] : ['Role', { name, namespace }]
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace: home }]
  return [
    { apiVersion, kind, metadata, rules },
    { apiVersion, kind: `${kind}Binding`, metadata, subjects, roleRef: { apiGroup, kind, name } },
  ]
}
