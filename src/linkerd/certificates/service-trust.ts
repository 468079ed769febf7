import type { View } from '../../core/view.ts'
import { secretText } from '../../k8s/base64.ts'
import type { LinkerdSettings } from '../settings.ts'
import type { CalledService } from './called-service.ts'
import { certificateFor, lifeOf } from './cert-manager.ts'
import type { Bundle, Certificate, Distrust, ServedCertificate, Trust } from './certificate.ts'
import { type Age, ageOf } from './certificate-age.ts'

export type TrustView = View<'Certificate' | 'Secret', LinkerdSettings>

/** Can the API server call this Service, and how long still? */
export interface ServiceTrust {
  readonly bundle: Bundle
  /** The certificate that is served, as far as anybody knows it, and how. */
  readonly leaf:
    | { readonly certificate: Certificate | undefined; readonly from: 'served' | 'secret' | 'bundle' }
    | undefined
  /** Undefined where the leaf is not known: then only the bundle can be judged. */
  readonly trust: Trust | undefined
  /** What ends first on the last way that is left: calls fail from then on. Undefined where there is none. */
  readonly limit: Certificate | undefined
  readonly age: Age | undefined
  /** Why nothing was served at the last look. */
  readonly unreachable: string | undefined
  /** False where the server may have sent another way up: a look shows one of two issuers of one name. */
  readonly sure: boolean
}

/**
 * What is to be thought of a Service's certificate. The leaf is the one that was really served, else the one in the Secret
 * (files only: nobody lists Secrets), else the bundle's own only one, when that is no CA: Linkerd's default.
 *
 * Undefined without a bundle, or without anybody to read certificates.
 */
export function trustIn(called: CalledService, view: TrustView): ServiceTrust | undefined {
  const world = view.settings.certificates
  if (world === undefined || called.bundle === undefined) return undefined
  const { reader } = world
  const bundle = reader.read(called.bundle)
  const atMs = world.nowMs()
  const served = world
    .served()
    .find(({ service, namespace }) => service === called.service && namespace === called.namespace)
  const judged = chainsOf(called, bundle, served, view).map((chain) => ({
    chain,
    trust:
      bundle.certificates.length > 0
        ? reader.judge({ chain: chain.pem, roots: called.bundle ?? '', dnsName: called.dnsName, atMs })
        : undefined,
  }))
  // Folders often hold several installations: the Secret that fits is this one's, and of several that do not, none is known.
  const fitting = judged.find(({ trust }) => trust?.trusted) ?? (judged.length === 1 ? judged[0] : undefined)
  const { chain, trust } = fitting ?? { chain: undefined, trust: undefined }
  const [certificate] = chain === undefined ? [] : reader.read(chain.pem).certificates
  const limit = limitOf(bundle, trust, certificate)
  const renewal = certificateFor(view, called.namespace, called.secret)
  // The bundle may hold a CA that lives much longer than what cert-manager renews.
  const renewBeforeMs = renewal && limit === certificate ? lifeOf(renewal).renewBeforeMs : undefined
  return {
    bundle,
    leaf: chain && { certificate, from: chain.from },
    trust,
    limit,
    age: limit && ageOf(limit, atMs, view.settings, renewBeforeMs),
    unreachable: served?.error,
    sure: !(chain?.from === 'served' && isAboutAuthority(trust) && reader.read(chain.pem).certificates.length > 1),
  }
}

function isAboutAuthority(trust: Trust | undefined): boolean {
  return trust?.trusted === false && /authority/.test(trust.reason)
}

/** A chain, and where it comes from. */
interface Chain {
  readonly pem: string
  readonly from: 'served' | 'secret' | 'bundle'
}

function chainsOf(
  called: CalledService,
  bundle: Bundle,
  served: ServedCertificate | undefined,
  view: TrustView,
): readonly Chain[] {
  if (served && served.chain !== '') return [{ pem: served.chain, from: 'served' }]
  const secrets = view.inNamespace('Secret', called.namespace).filter(({ name }) => name === called.secret)
  const pems = secrets.flatMap((secret) => secretText(secret, 'tls.crt')?.text ?? [])
  if (pems.length > 0) return pems.map((pem) => ({ pem, from: 'secret' }))
  const [only] = bundle.certificates
  const isLeaf = bundle.certificates.length === 1 && only?.isCa === false && only.dnsNames.length > 0
  return isLeaf && called.bundle !== undefined ? [{ pem: called.bundle, from: 'bundle' }] : []
}

/** A leaf that is refused ends with itself, if it has ended; of a bundle alone, the last certificate decides. */
function limitOf({ certificates }: Bundle, trust: Trust | undefined, leaf: Certificate | undefined) {
  if (trust?.trusted) return trust.limit
  if (trust?.reason === 'expired') return leaf
  if (trust !== undefined && trust.reason !== 'authority-expired') return undefined
  return certificates.reduce<Certificate | undefined>(
    (last, one) => (last === undefined || one.notAfter.ms > last.notAfter.ms ? one : last),
    undefined,
  )
}

/** Why calls fail for another reason than time, or undefined. */
export function distrustOf(found: ServiceTrust): { readonly reason: Distrust; readonly text: string } | undefined {
  const { trust, bundle } = found
  if (bundle.certificates.length === 0)
    return { reason: 'malformed', text: bundle.problems[0] ?? 'it holds no certificate' }
  if (trust === undefined || trust.trusted) return undefined
  const late = trust.reason === 'expired' || (trust.reason === 'authority-expired' && found.age?.as === 'expired')
  return late ? undefined : trust
}

/** Why calls fail. */
export interface Trouble {
  /** `the certificate of linkerd-proxy-injector expired on 2026-05-01` */
  readonly text: string
  /** It has not happened yet. */
  readonly soon: boolean
  /** False where we may have seen less than the API server sees, or could not reach what it reaches. */
  readonly sure: boolean
  readonly unreachable?: true
}

/** Why the API server cannot call the Service, now or soon; undefined while all is well. */
export function troubleWith({ service }: CalledService, found: ServiceTrust): Trouble | undefined {
  const distrust = distrustOf(found)
  if (found.bundle.certificates.length === 0)
    return certainly(`the caBundle of ${service} holds no readable certificate`)
  if (distrust)
    return {
      text: `${service} cannot be verified (${reasons[distrust.reason]})`,
      soon: false,
      sure: found.sure,
    }
  const { age, limit, leaf, unreachable } = found
  const what = `the ${leaf ? 'certificate' : 'caBundle'} of ${service}`
  if (limit && age?.as === 'expired') return certainly(`${what} expired on ${limit.notAfter.text}`)
  if (unreachable !== undefined)
    return { text: `${service} does not answer (${unreachable})`, soon: false, sure: false, unreachable: true }
  if (limit && age?.as === 'error')
    return { text: `${what} expires on ${limit.notAfter.text}, in ${age.left}`, soon: true, sure: true }
  return undefined
}

/** Trouble that is there now, beyond doubt. */
export function certainly(text: string): Trouble {
  return { text, soon: false, sure: true }
}

const reasons: Readonly<Record<Distrust, string>> = {
  malformed: 'its certificate cannot be read',
  expired: 'its certificate has expired',
  'not-yet-valid': 'its certificate is not valid yet',
  name: 'its certificate is for another name',
  usage: 'its certificate is not for servers',
  'unknown-authority': 'its certificate is of an unknown authority',
  'authority-expired': 'its authority has expired',
  'authority-unusable': 'its authority may not certify it',
  algorithm: 'its certificate is signed with an insecure algorithm',
  extension: 'its certificate has an unknown critical extension',
}
