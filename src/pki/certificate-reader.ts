import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { Bundle, CertificateReader, Trust } from '../linkerd/certificates/certificate.ts'
import { DerError } from './der.ts'
import { instantOf, type ParsedCertificate, parseCertificate } from './parse-certificate.ts'
import { readPem } from './pem-blocks.ts'
import { verifyChain } from './verify-chain.ts'

interface ReadBundle extends Bundle {
  readonly certificates: readonly ParsedCertificate[]
}

/** Bundles that are kept: a cluster has a handful, and the same few are judged again and again. */
const mostKept = 64

const longestKey = 13_000

/**
 * Reads and judges certificates of any algorithm. Never throws, whatever the text is; every text is bounded.
 * Certificates are kept while they are in use; keys are not.
 */
export function createCertificateReader(): CertificateReader {
  const kept = new Map<string, ReadBundle>()
  const read = (pem: string): ReadBundle => {
    let bundle = kept.get(pem)
    if (bundle === undefined) {
      bundle = readBundle(pem)
      if (kept.size >= mostKept) kept.clear()
      kept.set(pem, bundle)
    }
    return bundle
  }
  return {
    read,
    judge({ chain, roots, dnsName, atMs }): Trust {
      const served = read(chain)
      const [leaf, ...intermediates] = served.certificates
      const [problem] = served.problems
      if (leaf === undefined || problem !== undefined)
        return { trusted: false, reason: 'malformed', text: problem ?? 'there is no certificate' }
      const trusted = read(roots).certificates
      if (trusted.length === 0)
        return { trusted: false, reason: 'malformed', text: 'the bundle holds no certificate that can be read' }
      return verifyChain(leaf, dnsName, { intermediates, roots: trusted, atMs })
    },
    isKeyOf(chain, key) {
      const [leaf] = read(chain).certificates
      if (leaf === undefined || key.length > longestKey) return 'unreadable'
      try {
        const spki = createPublicKey(createPrivateKey(key)).export({ format: 'der', type: 'spki' })
        return spki.equals(leaf.spki) ? 'yes' : 'no'
      } catch {
        return 'unreadable'
      }
    },
    instant(text) {
      const ms = Date.parse(text)
      return Number.isNaN(ms) ? undefined : instantOf(ms)
    },
  }
}

function readBundle(pem: string): ReadBundle {
  const { blocks, problems } = readPem(pem)
  const certificates: ParsedCertificate[] = []
  const wrong = [...problems]
  for (const { label, der, line } of blocks) {
    if (label !== 'CERTIFICATE') continue
    try {
      certificates.push(parseCertificate(der))
    } catch (error) {
      if (!(error instanceof DerError)) throw error
      wrong.push(`line ${line}: ${error.message}`)
    }
  }
  if (certificates.length === 0 && wrong.length === 0) wrong.push('it holds no block BEGIN CERTIFICATE')
  return { certificates, problems: wrong }
}
