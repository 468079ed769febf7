import type { View } from '../../core/view.ts'
import type { Path } from '../../k8s/json.ts'
import { describe, type Resource } from '../../k8s/resource.ts'
import { pkcs8Service } from '../facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { calledServices } from './called-service.ts'
import { lifeOf } from './cert-manager.ts'
import { roleOf, serviceOf } from './mesh-certificates.ts'

/** What is wrong with a Certificate of cert-manager's that Linkerd is to use. */
export interface RequestDefect {
  readonly as: 'name' | 'namespace' | 'usage' | 'key' | 'ca' | 'no-ca' | 'duration' | 'issuer'
  readonly path: Path
  readonly severity: 'error' | 'warning'
  readonly data: Readonly<Record<string, string>>
}

/** What a Certificate is seen beside: who issues it, and who is to believe it. */
export type RequestKind = 'ClusterIssuer' | 'Issuer' | 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration'

type RequestView = View<RequestKind, LinkerdSettings>

const minuteMs = 60_000

/** pkg/apis/certmanager/v1 types.go: usages that become extended key usages. Those that do not, narrow nothing. */
const extendedUsages = new Set([
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
])

/** Every defect of a Certificate, by what its Secret is used for. */
export function* requestDefects(certificate: Resource<'Certificate'>, view: RequestView): Generator<RequestDefect> {
  const role = roleOf(certificate)
  if (role === undefined) return
  yield* timing(certificate)
  if (role === 'serving') yield* serving(certificate, view)
  else if (certificate.spec.isCA !== true) {
    const path = pathTo(certificate, 'isCA')
    yield { as: 'no-ca', path, severity: 'error', data: { secret: certificate.spec.secretName ?? '' } }
  }
  // pkg/issuercerts/issuercerts.go: identity takes an issuer of ECDSA P-256 alone.
  const { algorithm, size } = certificate.spec.privateKey ?? {}
  if (role === 'issuer' && (algorithm !== 'ECDSA' || (size ?? 256) !== 256))
    yield {
      as: 'key',
      path: keyPath(certificate),
      severity: 'error',
      data: {
        service: 'linkerd-identity',
        key: `${algorithm ?? 'RSA'} ${size ?? ''}`.trim(),
        wanted: 'algorithm: ECDSA, size: 256',
      },
    }
}

function* serving(certificate: Resource<'Certificate'>, view: RequestView): Generator<RequestDefect> {
  const { spec, namespace } = certificate
  const service = serviceOf(spec.secretName ?? '') ?? ''
  const callers = [...view.all('MutatingWebhookConfiguration'), ...view.all('ValidatingWebhookConfiguration')]
  const called = callers.flatMap((caller) => [...calledServices(caller)]).filter((one) => one.service === service)
  const [first] = called
  const home = called.some((one) => one.namespace === namespace) ? namespace : (first?.namespace ?? namespace)
  if (home !== namespace)
    yield { as: 'namespace', path: ['metadata', 'namespace'], severity: 'error', data: { service, namespace, home } }
  const dnsName = `${service}.${home}.svc`
  const names = new Set(spec.dnsNames ?? [])
  if (!names.has(dnsName) && !names.has(dnsName.replace(service, '*')))
    yield { as: 'name', path: pathTo(certificate, 'dnsNames'), severity: 'error', data: { service, dnsName } }

  const extended = (spec.usages ?? []).map((usage) => usage ?? '').filter((usage) => extendedUsages.has(usage))
  if (extended.length > 0 && !extended.includes('server auth') && !extended.includes('any'))
    yield { as: 'usage', path: ['spec', 'usages'], severity: 'error', data: { service } }
  if (spec.isCA === true) yield { as: 'ca', path: ['spec', 'isCA'], severity: 'warning', data: { service } }

  const { algorithm, encoding } = spec.privateKey ?? {}
  const wanted =
    algorithm === 'Ed25519'
      ? 'algorithm: ECDSA'
      : service === pkcs8Service && algorithm === 'ECDSA' && encoding !== 'PKCS8'
        ? 'encoding: PKCS8'
        : undefined
  if (wanted !== undefined)
    yield {
      as: 'key',
      path: keyPath(certificate),
      severity: 'error',
      data: { service, key: `${algorithm}${algorithm === 'ECDSA' ? ` in ${encoding ?? 'PKCS1'}` : ''}`, wanted },
    }

  const issuer = issuerOf(certificate, view)
  if (issuer?.spec.acme != null) {
    const data = { issuer: describe(issuer), why: 'ACME issues nothing for names that end in .svc' }
    yield { as: 'issuer', path: ['spec', 'issuerRef'], severity: 'error', data }
  } else if (issuer?.spec.selfSigned != null && called.some(({ injectedFrom }) => injectedFrom === undefined)) {
    const why = 'each renewal is a new root, and nothing copies it into the caBundle; use a CA issuer'
    yield { as: 'issuer', path: ['spec', 'issuerRef'], severity: 'error', data: { issuer: describe(issuer), why } }
  }
}

/** cert-manager's webhook refuses these (internal/apis/certmanager/validation/certificate.go); without it they never settle. */
function* timing(certificate: Resource<'Certificate'>): Generator<RequestDefect> {
  const { durationMs, renewBeforeMs } = lifeOf(certificate)
  const { duration, renewBefore } = certificate.spec
  if (durationMs !== undefined && durationMs < 60 * minuteMs)
    yield mistimed(['spec', 'duration'], `duration ${duration} is shorter than 1h`)
  else if (renewBefore != null && renewBeforeMs !== undefined && durationMs !== undefined) {
    if (renewBeforeMs < 5 * minuteMs) yield mistimed(['spec', 'renewBefore'], `renewBefore ${renewBefore} is below 5m`)
    else if (renewBeforeMs >= durationMs)
      yield mistimed(
        ['spec', 'renewBefore'],
        `renewBefore ${renewBefore} is not below the duration ${duration ?? '2160h'}`,
      )
  }
}

function mistimed(path: Path, why: string): RequestDefect {
  return { as: 'duration', path, severity: 'error', data: { why } }
}

function issuerOf({ spec, namespace }: Resource<'Certificate'>, view: RequestView) {
  const { group, kind, name } = spec.issuerRef ?? {}
  if ((group ?? 'cert-manager.io') !== 'cert-manager.io') return undefined
  return kind === 'ClusterIssuer'
    ? view.all('ClusterIssuer').find((issuer) => issuer.name === name)
    : view.inNamespace('Issuer', namespace).find((issuer) => issuer.name === name)
}

function pathTo(certificate: Resource<'Certificate'>, key: 'isCA' | 'dnsNames'): Path {
  return certificate.spec[key] == null ? ['spec'] : ['spec', key]
}

function keyPath(certificate: Resource<'Certificate'>): Path {
  return certificate.spec.privateKey == null ? ['spec'] : ['spec', 'privateKey']
}
