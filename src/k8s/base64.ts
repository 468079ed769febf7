import { own } from './json.ts'
import type { Resource } from './resource.ts'

/**
 * The text behind base64, as Go decodes a `[]byte` of JSON: line ends are passed over, anything else outside the alphabet, or
 * padding that is missing, is an error, here undefined. Bytes become characters one by one: PEM is ASCII.
 */
export function decodeBase64(text: string): string | undefined {
  const base64 = text.replaceAll(/[\r\n]/g, '')
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined
  return atob(base64)
}

/** What a Secret holds under a key, and under which member, or undefined. `stringData` wins, as in the API server. */
export function secretText(
  secret: Resource<'Secret'>,
  key: string,
): { readonly text: string | undefined; readonly path: readonly string[] } | undefined {
  const plain = own(secret.spec.stringData, key)
  if (plain != null) return { text: plain, path: ['stringData', key] }
  const encoded = own(secret.spec.data, key)
  return encoded == null ? undefined : { text: decodeBase64(encoded), path: ['data', key] }
}
