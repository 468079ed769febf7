import { hostname } from 'node:os'
import { configurationNames } from '../admission/registration.ts'
import type { CredentialSource } from '../cluster/credentials.ts'
import { defaultConfig } from '../config/config.ts'
import { findConfig, parseConfig } from '../config/load.ts'
import { startWebhook } from '../main.ts'
import { namesOfService } from '../own-authority.ts'
import { rules } from '../rules/index.ts'
import { pairInFiles } from '../server/certificate-files.ts'
import { keepHeapSmall } from '../server/heap.ts'
import { readArguments, UsageError } from './arguments.ts'
import { readSelfSigned } from './self-signed.ts'
import type { World } from './world.ts'

const usage = `meshgate serve

The admission webhook: POST /validate and /mutate for the API server, /livez, /readyz and /metrics.
Without --cert and --key it makes its own certificate and prints the CA for the webhook's caBundle.
In a Pod, the environment variables POD_NAMESPACE and POD_NAME say which one it is: then it also watches
how API servers see it.

  --host ADDRESS       where to listen (default 0.0.0.0)
  --port PORT          default 8443; 0 is any free one
  --health-port PORT   /livez, /readyz and /metrics by plain HTTP as well; 0 is any free one
  --cert FILE          certificate chain, PEM; read again when it changes
  --key FILE           its key, PEM
  --self-signed-secret NAME
                       keep a CA and a certificate in this Secret of POD_NAMESPACE, together with all
                       other replicas, and put the CA into the caBundles of both configurations
  --self-signed-lives CA,LEAF,OVERLAP
                       how long those last, and how long a new CA is known before it signs
                       (default 3650d,90d,10m)
  --dns-name NAME      a name that API servers use: a certificate that is not good for it
                       is never served, one made here is; may be repeated
  --client-ca FILE     let in only who has a certificate of one of these authorities, PEM;
                       read again when it changes. --health-port stays open to all
  --client-name NAME   and only who has this common or DNS name; may be repeated
  --validating-configuration NAME
  --mutating-configuration NAME
  --service NAME       what the cluster knows it by (default meshgate, a-meshgate, meshgate)
  --drain SECONDS      how long to go on serving after SIGTERM (default 10)
  --kubeconfig FILE    follow the cluster that this file names; in a Pod, its own is followed without
  --no-cluster         follow none
  --snapshot PATH      instead of a cluster: manifests of the surrounding objects; may be repeated
  --config FILE        configuration; otherwise .meshgate.yaml here or above; read again when it changes
  -h, --help
`

/** `meshgate serve`: runs the webhook until SIGTERM or SIGINT, then answers 0. */
export async function serve(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = readArguments(args, {
    host: { type: 'string', default: '0.0.0.0' },
    port: { type: 'string', default: '8443' },
    'health-port': { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    'self-signed-secret': { type: 'string' },
    'self-signed-lives': { type: 'string' },
    'dns-name': { type: 'string', multiple: true, default: [] },
    'client-ca': { type: 'string' },
    'client-name': { type: 'string', multiple: true, default: [] },
    'validating-configuration': { type: 'string', default: configurationNames.validating },
    'mutating-configuration': { type: 'string', default: configurationNames.mutating },
    service: { type: 'string', default: 'meshgate' },
    snapshot: { type: 'string', multiple: true, default: [] },
    kubeconfig: { type: 'string' },
    'no-cluster': { type: 'boolean', default: false },
    drain: { type: 'string', default: '10' },
    config: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  if (positionals.length > 0)
    throw new UsageError(`serve takes no ${JSON.stringify(positionals[0])}; manifests go to --snapshot`)
  const port = numberFrom('--port', values.port, 65535)
  const drain = numberFrom('--drain', values.drain, 300)
  const { cert, key } = values
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key go together')
  const healthPort =
    values['health-port'] === undefined ? undefined : numberFrom('--health-port', values['health-port'], 65535)
  const { 'client-ca': caFile, 'client-name': clientNames } = values
  if (caFile === undefined && clientNames.length > 0) throw new UsageError('--client-name needs --client-ca')
  const { kubeconfig, snapshot } = values
  if (kubeconfig !== undefined && (values['no-cluster'] || snapshot.length > 0))
    throw new UsageError('--kubeconfig follows a cluster: it goes neither with --no-cluster nor with --snapshot')
  const namespace = world.env['POD_NAMESPACE']
  const own = namespace
    ? {
        validating: values['validating-configuration'],
        mutating: values['mutating-configuration'],
        service: values.service,
        namespace,
      }
    : undefined
  const cluster = values['no-cluster'] || snapshot.length > 0 ? undefined : clusterFrom(kubeconfig, world.env)
  const selfSigned = readSelfSigned({
    secret: values['self-signed-secret'],
    lives: values['self-signed-lives'],
    hasCert: cert !== undefined,
    isInCluster: own !== undefined && cluster !== undefined,
  })
  const names = own && selfSigned ? [...namesOfService(own), ...values['dns-name']] : values['dns-name']
  const ids = rules.map((rule) => rule.id)
  const source = findConfig(values.config ?? (world.env['MESHGATE_CONFIG'] || undefined), world.cwd())

  keepHeapSmall()
  const webhook = await startWebhook({
    host: values.host,
    port,
    healthPort,
    source: cert !== undefined && key !== undefined ? pairInFiles({ certFile: cert, keyFile: key }) : undefined,
    clients: caFile === undefined ? undefined : { caFile, names: clientNames },
    selfSigned,
    names: names.length > 0 || cert !== undefined ? [...new Set(names)] : ['localhost', '127.0.0.1'],
    cluster,
    own,
    pod: world.env['POD_NAME'] || hostname(),
    snapshot,
    config: source ? parseConfig(source.file, source.text, ids) : defaultConfig,
    configSource: source,
    log: world.stderr,
  })
  if (webhook.ca !== undefined) world.stdout.write(webhook.ca)
  world.stdout.write(`meshgate serves ${webhook.url}\n`)
  if (webhook.healthUrl !== undefined) world.stdout.write(`meshgate tells of its health at ${webhook.healthUrl}\n`)
  await untilToldToStop()
  await webhook.stop(drain * 1000)
  return 0
}

/** The cluster that is named, or the one whose Pod this is. */
function clusterFrom(kubeconfig: string | undefined, env: World['env']): CredentialSource | undefined {
  if (kubeconfig !== undefined) return { from: 'kubeconfig', file: kubeconfig }
  return env['KUBERNETES_SERVICE_HOST'] ? { from: 'pod', env } : undefined
}

function numberFrom(option: string, value: string, most: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number <= most)) throw new UsageError(`${option} takes 0 to ${most}, not ${JSON.stringify(value)}`)
  return number
}

/** SIGTERM is how a kubelet asks, SIGINT how a person does. */
function untilToldToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
}
