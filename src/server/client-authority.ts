import { readFile } from 'node:fs/promises'
import { createCertificateReader } from '../pki/certificate-reader.ts'

/** What a look at the file of clients' authorities led to. */
export type AuthorityLook =
  | { readonly as: 'unchanged' | 'swapped' }
  | { readonly as: 'refused'; readonly reason: 'unreadable' | 'no-certificate' | 'rejected'; readonly message: string }

/** The authorities that may certify clients: PEM that follows its file. */
export interface ClientAuthority {
  readonly current: () => string
  /**
   * Looks at the file now, and keeps what it had where that is of no use.
   *
   * @param take puts others in force; throws where TLS does not take them
   */
  readonly look: (take: (pem: string) => void) => Promise<AuthorityLook>
}

/**
 * Reads the file of the authorities that certify API servers as clients.
 *
 * @throws when it cannot be read, or holds no certificate: who asks for clients' certificates wants no server that does not
 */
export async function readClientAuthority(file: string): Promise<ClientAuthority> {
  let current = await readFile(file, 'utf8')
  const wrong = whyUseless(current)
  if (wrong !== undefined) throw new Error(`${file}: ${wrong}`)
  return {
    current: () => current,
    async look(take) {
      let text: string
      try {
        text = await readFile(file, 'utf8')
      } catch (error) {
        return { as: 'refused', reason: 'unreadable', message: messageOf(error) }
      }
      if (text === current) return { as: 'unchanged' }
      const wrong = whyUseless(text)
      if (wrong !== undefined) return { as: 'refused', reason: 'no-certificate', message: `${file}: ${wrong}` }
      try {
        take(text)
      } catch (error) {
        return { as: 'refused', reason: 'rejected', message: `${file}: ${messageOf(error)}` }
      }
      current = text
      return { as: 'swapped' }
    },
  }
}

/** OpenSSL says nothing of a text without certificates, and then trusts nobody. */
function whyUseless(pem: string): string | undefined {
  const { certificates, problems } = createCertificateReader().read(pem)
  return problems[0] ?? (certificates.length === 0 ? 'there is no certificate in it' : undefined)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
