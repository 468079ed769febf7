import { isObject, own } from '../k8s/json.ts'
import type { Connection } from './connection.ts'
import { Trouble, troubleFrom } from './trouble.ts'

/** One of our two webhook configurations, as far as trust goes. */
export interface BundledConfiguration {
  /** `ValidatingWebhookConfiguration meshgate` */
  readonly name: string
  /** PEM, entry by entry; empty where there is none, or what is no base64. */
  readonly caBundles: readonly string[]
  readonly resourceVersion: string
}

/** Our own configurations, and of them the caBundles only. */
export interface CaBundles {
  /** Those that are there. */
  read(signal: AbortSignal): Promise<readonly BundledConfiguration[]>
  /**
   * Puts this PEM into the caBundle of every entry, and touches nothing else.
   *
   * @returns false when the configuration has changed since it was read
   */
  trust(configuration: BundledConfiguration, pem: string, signal: AbortSignal): Promise<boolean>
}

const group = '/apis/admissionregistration.k8s.io/v1'

/** Two configurations by their names. It needs `get` and `patch` on those names. Both methods throw a Trouble. */
export function createCaBundles(
  connection: Connection,
  names: { readonly validating: string; readonly mutating: string },
): CaBundles {
  const paths = new Map([
    [
      `ValidatingWebhookConfiguration ${names.validating}`,
      `${group}/validatingwebhookconfigurations/${encodeURIComponent(names.validating)}`,
    ],
    [
      `MutatingWebhookConfiguration ${names.mutating}`,
      `${group}/mutatingwebhookconfigurations/${encodeURIComponent(names.mutating)}`,
    ],
  ])
  const readOne = async (name: string, path: string, signal: AbortSignal): Promise<BundledConfiguration[]> => {
    try {
      return [configurationOf(name, await connection.get(path, signal))]
    } catch (error) {
      const trouble = troubleFrom(error)
      if (trouble.reason === 'absent') return []
      throw trouble
    }
  }
  return {
    async read(signal) {
      return (await Promise.all([...paths].map(([name, path]) => readOne(name, path, signal)))).flat()
    },
    async trust({ name, caBundles, resourceVersion }, pem, signal) {
      const path = paths.get(name) ?? ''
      const value = Buffer.from(pem, 'utf8').toString('base64')
      // Entries have no names in a JSON patch: the version makes sure that they are where they were.
      const body = [
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        ...caBundles.map((_, i) => ({ op: 'add', path: `/webhooks/${i}/clientConfig/caBundle`, value })),
      ]
      const contentType = 'application/json-patch+json'
      try {
        await connection.send(
          { method: 'PATCH', path: `${path}?fieldManager=meshgate-self-signed`, body, contentType },
          signal,
        )
        return true
      } catch (error) {
        const trouble = troubleFrom(error)
        if (trouble.reason === 'conflict' || trouble.reason === 'absent') return false
        // A test that fails is a 422, as is what the API server does not accept. The version tells which.
        const now = trouble.reason === 'refused' ? await readOne(name, path, signal) : undefined
        if (now !== undefined && now[0]?.resourceVersion !== resourceVersion) return false
        throw trouble
      }
    },
  }
}

function configurationOf(name: string, object: unknown): BundledConfiguration {
  const metadata = isObject(object) ? own(object, 'metadata') : undefined
  const resourceVersion = isObject(metadata) ? own(metadata, 'resourceVersion') : undefined
  if (!isObject(object) || typeof resourceVersion !== 'string')
    throw new Trouble('corrupt', `what came as ${name} is none`)
  const webhooks = own(object, 'webhooks')
  const caBundles = (Array.isArray(webhooks) ? webhooks : []).map((webhook: unknown) => {
    const client = isObject(webhook) ? own(webhook, 'clientConfig') : undefined
    const bundle = isObject(client) ? own(client, 'caBundle') : undefined
    return typeof bundle === 'string' ? Buffer.from(bundle, 'base64').toString('utf8') : ''
  })
  return { name, caBundles, resourceVersion }
}
