import { decodeBase64 } from '../../k8s/base64.ts'
import { isUnresolved, type Path } from '../../k8s/json.ts'
import { annotationOf, type Resource } from '../../k8s/resource.ts'
import { apiDomain, servingSecrets } from '../facts.ts'

/** Kinds by which the API server learns whom to call. */
export const callerKinds = ['APIService', 'MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const

export type CallerKind = (typeof callerKinds)[number]

/** A Service of Linkerd's that the API server calls by TLS, as one webhook or APIService names it. */
export interface CalledService {
  readonly service: string
  readonly namespace: string
  readonly port: number
  /** What its certificate must be for. */
  readonly dnsName: string
  /** Secret that it serves from. */
  readonly secret: string
  /** PEM; undefined where none is given. */
  readonly bundle: string | undefined
  /** Why `caBundle` is no PEM at all. */
  readonly misencoded: boolean
  /** Of `caBundle`, or of what would hold it. */
  readonly path: Path
  /** Of `failurePolicy: Ignore`; undefined otherwise. */
  readonly failsOpen: Path | undefined
  /** Does cert-manager write the bundle? `namespace/name` of its Certificate or Secret. */
  readonly injectedFrom: string | undefined
}

/** cert-manager's cainjector writes the caBundle of objects that have one of these. */
const injectors = ['cert-manager.io/inject-ca-from', 'cert-manager.io/inject-ca-from-secret'] as const

interface Reference {
  readonly name?: string | null | undefined
  readonly namespace?: string | null | undefined
  readonly port?: number | string | null | undefined
}

/** Of a webhook's and an APIService's `service` where it names none. */
const defaultPort = 443

/** Every Service of Linkerd's that this object makes the API server call. What waits for substitution is left out. */
export function* calledServices(subject: Resource<CallerKind>): Generator<CalledService> {
  if (subject.kind === 'APIService') {
    const { group, service, caBundle, insecureSkipTLSVerify } = subject.spec
    if (insecureSkipTLSVerify === true || !`.${group ?? ''}`.endsWith(apiDomain)) return
    const found = called(subject, service, caBundle, ['spec'], undefined)
    if (found) yield found
    return
  }
  for (const [i, webhook] of (subject.spec.webhooks ?? []).entries()) {
    if (!(webhook?.name ?? '').endsWith(apiDomain)) continue
    const { service, caBundle } = webhook?.clientConfig ?? {}
    const path = ['webhooks', i]
    const failsOpen = webhook?.failurePolicy === 'Ignore' ? [...path, 'failurePolicy'] : undefined
    const found = called(subject, service, caBundle, [...path, 'clientConfig'], failsOpen)
    if (found) yield found
  }
}

function called(
  subject: Resource<CallerKind>,
  reference: Reference | null | undefined,
  caBundle: string | null | undefined,
  home: Path,
  failsOpen: Path | undefined,
): CalledService | undefined {
  const service = reference?.name ?? ''
  const namespace = reference?.namespace ?? ''
  const secret = servingSecrets.get(service)
  if (secret === undefined || [namespace, caBundle, failsOpen].some(isUnresolved)) return undefined
  const decoded = decodeBase64(caBundle ?? '')
  // A lone line end is how charts say that somebody else will fill it in.
  const bundle = decoded?.trim() === '' ? undefined : decoded
  return {
    service,
    namespace,
    port: typeof reference?.port === 'number' ? reference.port : defaultPort,
    dnsName: `${service}.${namespace}.svc`,
    secret,
    bundle,
    misencoded: decoded === undefined,
    path: caBundle == null ? home : [...home, 'caBundle'],
    failsOpen,
    injectedFrom: injectors.map((key) => annotationOf(subject.metadata, key)).find((value) => value !== undefined),
  }
}
