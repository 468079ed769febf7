import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js'
import type { Clock } from './clock.ts'

/** Where the API server is and how to speak to it. */
export interface Access {
  /** `https://10.96.0.1:443`; plain HTTP only for tests. */
  readonly server: string
  readonly headers: Readonly<Record<string, string>>
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
    readonly rejectUnauthorized?: boolean
  }
  /** Equal for accesses that may share connections. */
  readonly pool: string
}

/** Where credentials come from. */
export type CredentialSource =
  | { readonly from: 'kubeconfig'; readonly file: string; readonly context?: string }
  /** The Pod's ServiceAccount: its mounted folder, and the environment that names the API server. */
  | { readonly from: 'pod'; readonly folder?: string; readonly env: Readonly<Record<string, string | undefined>> }

/** The current credentials. */
export interface Credentials {
  /** @throws when they cannot be read */
  current(): Promise<Access>
  /** Told that they were refused: the next `current` reads them again, whatever their age. */
  renew(): void
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The kubelet swaps a token at 80 % of its hour, and a CA at any time. */
const freshForMs = 10_000

/** Credentials that follow their files. */
export function createCredentials(source: CredentialSource, clock: Clock): Credentials {
  let known: { readonly access: Promise<Access>; readonly until: number } | undefined
  const read = source.from === 'pod' ? async () => podAccess(source) : kubeconfigReader(source)
  return {
    current() {
      if (known === undefined || clock.now() >= known.until) {
        const access = read(known === undefined)
        known = { access, until: clock.now() + freshForMs }
        access.catch(() => {
          if (known?.access === access) known = undefined
        })
      }
      return known.access
    },
    renew() {
      known = undefined
    },
  }
}

/** As client-go's rest.InClusterConfig. Three files, so nothing is loaded for them. */
function podAccess({ folder = serviceAccountFolder, env }: CredentialSource & { from: 'pod' }): Access {
  const host = env['KUBERNETES_SERVICE_HOST']
  const port = env['KUBERNETES_SERVICE_PORT']
  if (!host || !port)
    throw new Error('not in a Pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; name a kubeconfig')
  const token = readFileSync(join(folder, 'token'), 'utf8').trim()
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8')
  return accessOf(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, { authorization: `Bearer ${token}` }, { ca })
}

/**
 * A kubeconfig by `@kubernetes/client-node`, which knows its grammar and every way to log in. It is 80 MB and half a second to
 * load, hence only here, and never in a Pod. Each reading starts afresh after a refusal: it keeps tokens for a minute.
 */
function kubeconfigReader({ file, context }: CredentialSource & { from: 'kubeconfig' }) {
  let last: { readonly text: string; readonly config: KubeConfig } | undefined
  return async (refused: boolean): Promise<Access> => {
    const { KubeConfig: Kubeconfig } = await import('@kubernetes/client-node/dist/config.js')
    const text = readFileSync(file, 'utf8')
    if (refused || last === undefined || last.text !== text) {
      const config = new Kubeconfig()
      config.loadFromFile(file)
      if (context !== undefined) config.setCurrentContext(context)
      last = { text, config }
    }
    const { config } = last
    const cluster = config.getCurrentCluster()
    if (cluster === null) throw new Error(`${file} has no current context with a cluster`)
    if (cluster.proxyUrl) throw new Error(`${file}: proxy-url is not supported; name the API server itself`)
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(options.headers ?? {}))
      if (value !== undefined) headers[name.toLowerCase()] = String(value)
    if (options.auth) headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
    const texts = (['ca', 'cert', 'key'] as const).flatMap((name) => {
      const value = options[name]
      return value === undefined || value === null ? [] : [[name, textOf(value)] as const]
    })
    return accessOf(cluster.server, headers, {
      ...Object.fromEntries(texts),
      ...(options.servername ? { servername: options.servername } : {}),
      ...(options.rejectUnauthorized === false ? { rejectUnauthorized: false } : {}),
    })
  }
}

/** PEM as client-node gives it: a Buffer, or a text. */
function textOf(pem: unknown): string {
  return Buffer.isBuffer(pem) ? pem.toString('utf8') : typeof pem === 'string' ? pem : ''
}

function accessOf(server: string, headers: Access['headers'], tls: Access['tls']): Access {
  const pool = createHash('sha256')
    .update(JSON.stringify([server, tls]))
    .digest('base64')
  return { server: server.replace(/\/$/, ''), headers, tls, pool }
}
