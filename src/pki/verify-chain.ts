import type { Distrust, Trust } from '../linkerd/certificates/certificate.ts'
import { whyNotPermitted } from './name-constraints.ts'
import type { ParsedCertificate } from './parse-certificate.ts'
import { whyNotSigned } from './verify-signature.ts'

/** crypto/x509 maxChainSignatureChecks: cross-signing can make a bundle with endless paths. */
const mostChecks = 100

const serverAuth = '1.3.6.1.5.5.7.3.1'
const anyUsage = '2.5.29.37.0'

interface Question {
  readonly intermediates: readonly ParsedCertificate[]
  readonly roots: readonly ParsedCertificate[]
  readonly atMs: number
}

interface Search extends Question {
  checks: number
  /** The first reason for which a candidate was no parent. */
  hint: Refusal | undefined
}

interface Refusal {
  readonly reason: Distrust
  readonly text: string
  /** The candidate is not the authority; otherwise it is, and something else is wrong with it. */
  readonly alien?: true
}

/**
 * Would Go's TLS client trust this leaf under this name? The search of crypto/x509 `Certificate.Verify` (Go 1.26), with what
 * matters there and surprises here:
 *
 * - a leaf that is itself among the roots needs no CA, even an expired one behind it: Linkerd's default certificates;
 * - key identifiers only order the candidates, subject and issuer decide; every way is tried, so an expired or alien
 *   certificate in a bundle harms nobody as long as another fits;
 * - roots are judged like all others: validity, basic constraints, path length, extended key usages down the chain;
 * - the common name is never looked at.
 *
 * Policy constraints (RFC 5280 §4.2.1.11), which a CA for Services has no use for, are not evaluated.
 */
export function verifyChain(leaf: ParsedCertificate, dnsName: string, question: Question): Trust {
  const { atMs, roots } = question
  const invalid = whyInvalid(leaf, 'leaf', [], atMs)
  if (invalid) return { trusted: false, reason: invalid.reason, text: invalid.text }
  if (!isFor(leaf, dnsName)) return { trusted: false, reason: 'name', text: nameText(leaf, dnsName) }

  const search: Search = { ...question, checks: 0, hint: undefined }
  const isRoot = roots.some((root) => root.sha256 === leaf.sha256)
  const chains = isRoot ? [[leaf]] : chainsFrom([leaf], search)
  if (chains.length === 0) {
    const unknown = 'x509: certificate signed by unknown authority'
    const { hint } = search
    if (hint === undefined) return { trusted: false, reason: 'unknown-authority', text: unknown }
    const { reason, text } = hint
    return { trusted: false, reason, text: hint.alien ? `${unknown} (possibly because of "${text}")` : text }
  }
  let refusal: Refusal | undefined
  let limit: ParsedCertificate | undefined
  for (const chain of chains) {
    const constraint = whyNotPermitted(chain)
    if (!allowsServing(chain))
      refusal ??= { reason: 'usage', text: 'x509: certificate specifies an incompatible key usage' }
    else if (constraint !== undefined)
      refusal = {
        reason: 'authority-unusable',
        text: `x509: a root or intermediate certificate is not authorized to sign for this name: ${constraint}`,
      }
    else {
      const first = chain.reduce((a, b) => (b.notAfter.ms < a.notAfter.ms ? b : a))
      if (limit === undefined || first.notAfter.ms > limit.notAfter.ms) limit = first
    }
  }
  if (limit) return { trusted: true, limit }
  return { trusted: false, ...(refusal ?? { reason: 'usage', text: 'x509: no valid chains built' }) }
}

/** Every chain from the last certificate of this one up to a root. */
function chainsFrom(chain: readonly ParsedCertificate[], search: Search): ParsedCertificate[][] {
  const child = chain.at(-1)
  if (child === undefined) return []
  const found: ParsedCertificate[][] = []
  for (const [role, pool] of [
    ['root', search.roots],
    ['intermediate', search.intermediates],
  ] as const)
    for (const candidate of pool) {
      if (candidate.subjectBytes !== child.issuerBytes) continue
      search.checks++
      if (search.checks > mostChecks) return found
      if (candidate.publicKey === undefined || isIn(chain, candidate)) continue
      const refusal = whyNoParent(child, candidate) ?? whyInvalid(candidate, role, chain, search.atMs)
      if (refusal) search.hint ??= refusal
      else if (role === 'root') found.push([...chain, candidate])
      else found.push(...chainsFrom([...chain, candidate], search))
    }
  return found
}

/** The same subject, key and names: cross-signed certificates of one CA count once in a chain. */
function isIn(chain: readonly ParsedCertificate[], candidate: ParsedCertificate): boolean {
  return chain.some(
    (one) =>
      one.subjectBytes === candidate.subjectBytes &&
      one.altNames === candidate.altNames &&
      Buffer.compare(one.spki, candidate.spki) === 0,
  )
}

function whyNoParent(child: ParsedCertificate, parent: ParsedCertificate): Refusal | undefined {
  const noCa = parent.hasBasicConstraints ? !parent.isCa : parent.version === 3
  if (noCa || parent.mayCertSign === false)
    return {
      reason: 'authority-unusable',
      text: 'x509: invalid signature: parent certificate cannot sign this kind of certificate',
      alien: true,
    }
  const text = whyNotSigned(child, parent)
  if (text === undefined) return undefined
  const reason = /insecure|unimplemented/.test(text) ? 'algorithm' : 'unknown-authority'
  return { reason, text, alien: true }
}

function whyInvalid(
  certificate: ParsedCertificate,
  role: 'leaf' | 'intermediate' | 'root',
  below: readonly ParsedCertificate[],
  atMs: number,
): Refusal | undefined {
  const { notBefore, notAfter, unhandled } = certificate
  if (unhandled.length > 0) return { reason: 'extension', text: 'x509: unhandled critical extension' }
  const late = atMs > notAfter.ms
  if (late || atMs < notBefore.ms) {
    const reason = role === 'leaf' ? (late ? 'expired' : 'not-yet-valid') : 'authority-expired'
    const text = late ? `it ended ${notAfter.text}` : `it begins ${notBefore.text}`
    return { reason, text: `x509: certificate has expired or is not yet valid: ${text}` }
  }
  if (role === 'intermediate' && !(certificate.hasBasicConstraints && certificate.isCa))
    return { reason: 'authority-unusable', text: 'x509: certificate is not authorized to sign other certificates' }
  if (role !== 'leaf' && certificate.pathLength !== undefined && below.length - 1 > certificate.pathLength)
    return { reason: 'authority-unusable', text: 'x509: too many intermediates for path length constraint' }
  return undefined
}

/** Extended key usages narrow down the chain; a certificate without any narrows nothing. */
function allowsServing(chain: readonly ParsedCertificate[]): boolean {
  return chain.every(({ usages }) => usages.length === 0 || usages.includes(serverAuth) || usages.includes(anyUsage))
}

function nameText({ dnsNames }: ParsedCertificate, dnsName: string): string {
  if (dnsNames.length === 0)
    return `x509: certificate is not valid for any names, but wanted to match ${dnsName}; the common name does not count`
  return `x509: certificate is valid for ${dnsNames.slice(0, 5).join(', ')}, not ${dnsName}`
}

const validLabel = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/

/**
 * Is the certificate for this DNS name? The name is that of a Service, so it has no wildcard and no final dot. A pattern's
 * first label may be `*`; a pattern that is no host name matches only literally.
 */
function isFor({ dnsNames }: ParsedCertificate, dnsName: string): boolean {
  const name = dnsName.toLowerCase()
  const labels = name.split('.')
  const isName = labels.every((label) => validLabel.test(label))
  return dnsNames.some((pattern) => {
    const parts = pattern.toLowerCase().split('.')
    const isPattern = pattern !== '*' && parts.every((part, i) => validLabel.test(part) || (i === 0 && part === '*'))
    if (!isName || !isPattern) return pattern.toLowerCase() === name
    return parts.length === labels.length && parts.every((part, i) => (i === 0 && part === '*') || part === labels[i])
  })
}
