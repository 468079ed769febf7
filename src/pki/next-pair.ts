import type { CertificateReader } from '../linkerd/certificate.ts'

/** A chain, PEM with the leaf first, and from when to when its leaf is good. */
export interface WeighedChain {
  readonly chain: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** By what an API server verifies a chain, as far as is known. */
export interface LiveTrust {
  /** The different caBundles in force, PEM. None where none is known. */
  readonly bundles: readonly string[]
  /** The name it asks for. */
  readonly dnsName: string
}

/** What to do with a pair that could be served next. `text` has the words of the API server that would refuse it. */
export type NextPair =
  | { readonly as: 'swap' }
  | { readonly as: 'defer'; readonly text: string }
  | { readonly as: 'force'; readonly text: string }

/** cert-manager renews long before; who is still waiting by then waits for somebody who does not come. */
const lastPartOfLife = 0.1

/**
 * Which pair to serve: the one that is, or the candidate? A new leaf may be of a CA that the live caBundle does not hold yet;
 * whoever swaps at once then loses every call until it does.
 *
 * | the candidate, before the bundles in force       | the leaf that is served      |       |
 * |--------------------------------------------------|------------------------------|-------|
 * | no bundle is known                               | any                          | swap  |
 * | every bundle verifies it                         | any                          | swap  |
 * | one does not, which verifies the leaf served     | 10 % of its life left        | defer |
 * | one does not, which verifies the leaf served     | less than 10 % of it left    | force |
 * | none that verifies the leaf served refuses it, but another one does | any, expired as well | force |
 *
 * So calls that succeed go on succeeding, and where none does the newer pair is the one that whoever mends the bundle goes by.
 */
export function nextPair(
  served: WeighedChain,
  candidate: WeighedChain,
  { bundles, dnsName }: LiveTrust,
  reader: CertificateReader,
  nowMs: number,
): NextPair {
  const judge = ({ chain }: WeighedChain, roots: string) => reader.judge({ chain, roots, dnsName, atMs: nowMs })
  let refusal: string | undefined
  let loss: string | undefined
  for (const bundle of bundles) {
    const trust = judge(candidate, bundle)
    if (trust.trusted) continue
    refusal ??= trust.text
    if (judge(served, bundle).trusted) loss ??= trust.text
  }
  if (refusal === undefined) return { as: 'swap' }
  if (loss === undefined) return { as: 'force', text: refusal }
  const life = served.notAfterMs - served.notBeforeMs
  return { as: served.notAfterMs - nowMs < lastPartOfLife * life ? 'force' : 'defer', text: loss }
}
