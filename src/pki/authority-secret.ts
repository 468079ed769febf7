import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  type Authority,
  type Found,
  type Held,
  type Leaf,
  type Mark,
  nothingHeld,
  type Signer,
} from './authority-plan.ts'
import { createCertificateReader } from './certificate-reader.ts'
import { DerError } from './der.ts'
import { type ParsedCertificate, parseCertificate } from './parse-certificate.ts'
import { readPem } from './pem-blocks.ts'

/** A Secret as far as it matters: `data` is decoded. */
export interface SecretContent {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly data: Readonly<Record<string, string>>
}

/** A Secret without it was made by somebody else. */
export const ownLabel = 'meshgate.dev/self-signed'

const keys = {
  bundle: 'ca-bundle.crt',
  signingKey: 'ca.key',
  nextKey: 'next-ca.key',
  cert: 'tls.crt',
  key: 'tls.key',
} as const

const marks = { published: 'meshgate.dev/ca-published', signsSince: 'meshgate.dev/ca-signs-since' } as const

/** What of a Secret is ours to write, by name. Nothing else of one is touched. */
export const ownShare = { keys: Object.values<string>(keys), annotations: Object.values<string>(marks) }

/**
 * What a Secret holds, as far as it can be used now. A key counts when it fits a certificate, a leaf when a TLS client that
 * trusts the bundle would take it under every name, and its key fits.
 */
export function readSecret(secret: SecretContent | undefined, names: readonly string[], nowMs: number): Found {
  if (secret === undefined) return { as: 'absent' }
  if (secret.labels[ownLabel] !== 'true') return { as: 'foreign' }
  const { data, annotations } = secret
  const authorities = authoritiesIn(data[keys.bundle] ?? '')
  const signing = signerAmong(authorities, data[keys.signingKey])
  const next = signerAmong(authorities, data[keys.nextKey])
  const held: Held = {
    ...nothingHeld,
    authorities,
    signing,
    next: next?.id === signing?.id ? undefined : next,
    leaf: leafFrom(data[keys.cert] ?? '', data[keys.key] ?? '', authorities, names, nowMs),
    published: markFrom(annotations[marks.published]),
    signsSince: markFrom(annotations[marks.signsSince]),
  }
  return { as: 'ours', held }
}

/** How it is written. */
export function writeSecret({ authorities, signing, next, leaf, published, signsSince }: Held): SecretContent {
  return {
    labels: { [ownLabel]: 'true', 'app.kubernetes.io/name': 'meshgate', 'app.kubernetes.io/managed-by': 'meshgate' },
    annotations: present({ [marks.published]: markText(published), [marks.signsSince]: markText(signsSince) }),
    data: present({
      [keys.bundle]: authorities.map(({ pem }) => pem).join(''),
      [keys.signingKey]: signing?.key,
      [keys.nextKey]: next?.key,
      [keys.cert]: leaf?.cert,
      [keys.key]: leaf?.key,
    }),
  }
}

/** The certificates of a bundle, each once; what Go could not read is passed over, as Go does. */
export function authoritiesIn(pem: string): Authority[] {
  const byId = new Map<string, Authority>()
  for (const { label, der } of readPem(pem).blocks) {
    const parsed = label === 'CERTIFICATE' ? parsedFrom(der) : undefined
    if (parsed === undefined) continue
    const { sha256: id, notBefore, notAfter } = parsed
    byId.set(id, { id, pem: pemFrom(der), notBeforeMs: notBefore.ms, notAfterMs: notAfter.ms })
  }
  return [...byId.values()]
}

function parsedFrom(der: Uint8Array): ParsedCertificate | undefined {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (error instanceof DerError) return undefined
    throw error
  }
}

function pemFrom(der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
}

const reader = createCertificateReader()

function signerAmong(authorities: readonly Authority[], key: string | undefined): Signer | undefined {
  if (key === undefined) return undefined
  const authority = authorities.find(({ pem }) => reader.isKeyOf(pem, key) === 'yes')
  return authority && reader.read(authority.pem).certificates[0]?.isCa ? { id: authority.id, key } : undefined
}

function leafFrom(
  cert: string,
  key: string,
  authorities: readonly Authority[],
  names: readonly string[],
  atMs: number,
): Leaf | undefined {
  const [leaf] = reader.read(cert).certificates
  if (leaf === undefined || reader.isKeyOf(cert, key) !== 'yes') return undefined
  const addresses = names.filter((name) => isIP(name))
  const dnsNames = names.filter((name) => !isIP(name))
  const x509 = new X509Certificate(cert)
  if (addresses.some((address) => x509.checkIP(address) === undefined)) return undefined
  const issuer = authorities.find(({ pem: roots }) =>
    dnsNames.every((dnsName) => reader.judge({ chain: cert, roots, dnsName, atMs }).trusted),
  )
  if (issuer === undefined) return undefined
  const { sha256: id, notBefore, notAfter } = leaf
  return { id, cert, key, issuer: issuer.id, notBeforeMs: notBefore.ms, notAfterMs: notAfter.ms }
}

/** `<sha256> <time>` */
function markFrom(text: string | undefined): Mark | undefined {
  const [id = '', time = ''] = (text ?? '').split(' ')
  const atMs = Date.parse(time)
  return /^[0-9a-f]{64}$/.test(id) && !Number.isNaN(atMs) ? { id, atMs } : undefined
}

function markText(mark: Mark | undefined): string | undefined {
  return mark && `${mark.id} ${new Date(mark.atMs).toISOString()}`
}

function present(record: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}
