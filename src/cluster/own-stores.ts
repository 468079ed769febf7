import { type CaBundles, createCaBundles } from './ca-bundles.ts'
import { systemClock } from './clock.ts'
import { createConnection } from './connection.ts'
import { type CredentialSource, createCredentials } from './credentials.ts'
import { createOwnSecret, type OwnSecret, type SecretShare } from './own-secret.ts'

/** What the webhook writes in a cluster: one Secret, and the caBundles of its two configurations. */
export interface OwnStores {
  readonly secret: OwnSecret
  readonly bundles: CaBundles
  close(): void
}

/** By a connection of its own: what reviews rest on does not wait for it, nor it for that. */
export function openOwnStores(
  credentials: CredentialSource,
  secret: { readonly namespace: string; readonly name: string; readonly share: SecretShare },
  configurations: { readonly validating: string; readonly mutating: string },
): OwnStores {
  const connection = createConnection(createCredentials(credentials, systemClock), systemClock, 4)
  return {
    secret: createOwnSecret(connection, secret, secret.share),
    bundles: createCaBundles(connection, configurations),
    close: () => connection.close(),
  }
}
