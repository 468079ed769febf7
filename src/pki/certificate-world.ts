import type { CertificateWorld, ServedCertificate } from '../linkerd/certificates/certificate.ts'
import { createCertificateReader } from './certificate-reader.ts'

/** A world of certificates into which somebody puts what is served. */
export interface LiveCertificateWorld extends CertificateWorld {
  /** What was seen just now. It is forgotten when nobody looks again. */
  readonly put: (served: readonly ServedCertificate[]) => void
}

/** A look that is older says nothing about now. */
const longestMemoryMs = 5 * 60_000

/** A reader and a clock, and for a running webhook what was served at the last look. */
export function createCertificateWorld(nowMs: () => number): LiveCertificateWorld {
  let last: { readonly atMs: number; readonly served: readonly ServedCertificate[] } | undefined
  let questions = 0
  return {
    reader: createCertificateReader(),
    nowMs() {
      questions++
      return nowMs()
    },
    served() {
      questions++
      return last && nowMs() - last.atMs <= longestMemoryMs ? last.served : []
    },
    questions: () => questions,
    put(served) {
      last = { atMs: nowMs(), served }
    },
  }
}
