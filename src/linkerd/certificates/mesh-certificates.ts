import { secretText } from '../../k8s/base64.ts'
import { isObject, isUnresolved, own, type Path } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { identity, servingSecrets } from '../facts.ts'
import { durationMs } from './cert-manager.ts'
import type { CertificateReader, Period } from './certificate.ts'

/** What one of Linkerd's certificates is for. */
export type Role = 'anchor' | 'issuer' | 'serving'

/** A text that should be PEM, and where it lies. Undefined is no text at all: base64 that is none. */
export interface PlacedPem {
  readonly pem: string | undefined
  readonly path: Path
}

/** Certificates of one role in a Secret: `linkerd-identity-issuer` holds the issuer and, for cert-manager, its anchors. */
export function* pemsInSecret(secret: Resource<'Secret'>, role: Role): Generator<PlacedPem> {
  for (const key of keysOf(secret.name, role)) {
    const found = secretText(secret, key)
    if (found && !isUnresolved(found.text)) yield { pem: found.text, path: found.path }
  }
}

function keysOf(name: string, role: Role): readonly string[] {
  if (name === identity.issuerSecret)
    return role === 'issuer' ? identity.issuerKeys : role === 'anchor' ? [identity.anchorsInIssuer] : []
  if (name === identity.anchorSecret) return role === 'anchor' ? ['tls.crt'] : []
  return role === 'serving' && isServingSecret(name) ? ['tls.crt'] : []
}

/** Is this the name of a Secret that a Service of Linkerd's serves from? */
export function isServingSecret(name: string): boolean {
  return serviceOf(name) !== undefined
}

/** The Service that serves from a Secret of this name. */
export function serviceOf(secret: string): string | undefined {
  return [...servingSecrets].find(([, name]) => name === secret)?.[0]
}

/** Trust anchors in a ConfigMap: as the proxies get them, or among the Helm values. */
export function* anchorsInConfigMap(map: Resource<'ConfigMap'>): Generator<PlacedPem> {
  const { data } = map.spec
  if (map.name === identity.trustRoots) {
    const pem = own(data, identity.trustRootsKey)
    if (pem != null && !isUnresolved(pem)) yield { pem, path: ['data', identity.trustRootsKey] }
  } else if (map.name === identity.config) {
    const pem = valueIn(own(data, identity.configKey) ?? '', identity.configAnchors)
    if (pem !== undefined && !isUnresolved(pem)) yield { pem, path: ['data', identity.configKey] }
  }
}

/** The text of a key in YAML as Helm writes it: a block below the key, or a JSON string after it. */
function valueIn(yaml: string, key: string): string | undefined {
  const lines = yaml.split('\n')
  const at = lines.findIndex((line) => line.trimStart().startsWith(`${key}:`))
  const line = lines[at]
  if (line === undefined) return undefined
  const rest = line
    .trimStart()
    .slice(key.length + 1)
    .trim()
  if (rest.startsWith('"')) {
    try {
      const value: unknown = JSON.parse(rest)
      return typeof value === 'string' ? value : undefined
    } catch {
      return undefined
    }
  }
  if (!rest.startsWith('|')) return undefined
  const block: string[] = []
  for (const below of lines.slice(at + 1)) {
    if (below.trim() !== '' && indentation(below) <= indentation(line)) break
    block.push(below.trimStart())
  }
  return block.join('\n')
}

/** What a Certificate of cert-manager's is for, by the Secret that it writes. */
export function roleOf({ spec }: Resource<'Certificate'>): Role | undefined {
  const name = spec.secretName ?? ''
  if (name === identity.issuerSecret) return 'issuer'
  if (name === identity.anchorSecret) return 'anchor'
  return isServingSecret(name) ? 'serving' : undefined
}

/** When what cert-manager issued last is good, and when it means to renew it, as the Certificate's status says. */
export function issuedPeriod(
  certificate: Resource<'Certificate'>,
  reader: CertificateReader,
): { readonly period: Period; readonly renewBeforeMs: number | undefined } | undefined {
  const status = own(certificate.wire, 'status')
  if (!isObject(status)) return undefined
  const at = (key: string) => {
    const value = own(status, key)
    return typeof value === 'string' ? reader.instant(value) : undefined
  }
  const notAfter = at('notAfter')
  if (notAfter === undefined) return undefined
  const notBefore = at('notBefore') ?? { ms: notAfter.ms - (durationMs('2160h') ?? 0), text: '' }
  const renewal = at('renewalTime')
  return { period: { notBefore, notAfter }, renewBeforeMs: renewal && notAfter.ms - renewal.ms }
}

function indentation(line: string): number {
  return line.length - line.trimStart().length
}
