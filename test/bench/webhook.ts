import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'

const seconds = 1.5
const rounds = 7
const connections = 16
const headers = { 'content-type': 'application/json' }

/**
 * Reviews per second of the whole webhook ÷ a bare Fastify app that parses the same bodies: HTTPS, kept connections, 16 at a
 * time, reviews of 2 KiB and 200 KiB, one server after the other, seven times. Of the rates the best round counts: the first
 * ones also compile. The same by the CPU time that a review costs each of the two, in the middle round: it hangs less on what
 * else the machine does.
 *
 * Objects are such as come again and again: Pods of one rollout, each with its name, and a Service and a policy that some
 * tool applies every few minutes. Then all of them under names that were never seen, for which nothing can be remembered.
 */
export async function benchWebhook(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-bench-'))
  writeFileSync(join(folder, 'shop.yaml'), surroundings())
  const servers = await Promise.all([start('meshgate', folder), start('bare', folder)])
  try {
    const [small, large] = [2048, 200 * 1024]
    const bodies = objects.map((object) => review(object, small))
    await compare('a Pod, a Service and a policy, 2 KiB', servers, bodies)
    await compare('a policy with a finding, 2 KiB', servers, bodies.slice(-1))
    const unseen = objects.map((object) => review(renamed(object), small))
    await compare('all three, never seen, 2 KiB', servers, unseen)
    await compare('a policy with a finding, never seen, 2 KiB', servers, unseen.slice(-1))
    const largeBodies = objects.map((object) => review(object, large))
    await compare('a Pod, a Service and a policy, 200 KiB', servers, largeBodies)
    await compare('a policy with a finding, 200 KiB', servers, largeBodies.slice(-1))
  } finally {
    for (const server of servers) server.stop()
    rmSync(folder, { recursive: true })
  }
}

async function compare(what: string, servers: readonly Server[], bodies: readonly string[]): Promise<void> {
  const rates: number[][] = [[], []]
  const costs: number[][] = [[], []]
  for (let round = 0; round < rounds; round++)
    for (const [i, server] of servers.entries()) {
      const before = await server.cpuUs()
      const { rate, count } = await rateOf(server.url, bodies)
      rates[i]?.push(rate)
      costs[i]?.push(((await server.cpuUs()) - before) / count)
    }
  const [ours = 0, bare = 0] = rates.map((all) => Math.max(...all))
  const [ourUs = 0, bareUs = 0] = costs.map((all) => all.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0)
  console.log(
    `webhook: ${what}: ${ours.toFixed(0)}/s ÷ bare ${bare.toFixed(0)}/s = ${(ours / bare).toFixed(2)} (goal ≥ 0.6); CPU ${bareUs.toFixed(0)} µs ÷ ${ourUs.toFixed(0)} µs = ${(bareUs / ourUs).toFixed(2)}`,
  )
}

interface Server {
  readonly url: string
  /** What the process has used so far. */
  cpuUs(): Promise<number>
  stop(): void
}

async function start(which: string, folder: string): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'webhook-server.ts'), [which, folder])
  child.once('exit', (code) => {
    if (code !== 0) throw new Error(`${which} ended with ${code}`)
  })
  const [url] = (await once(child, 'message')) as [string]
  return {
    url,
    async cpuUs() {
      child.send('cpu')
      const [used] = (await once(child, 'message')) as [number]
      return used
    },
    stop: () => child.disconnect(),
  }
}

/** A client for each body: one that alternates writes every request anew, and would itself be what is measured. */
async function rateOf(url: string, bodies: readonly string[]): Promise<{ rate: number; count: number }> {
  const rest = stayAwake()
  const results = await Promise.all(
    bodies.map((body, i) =>
      autocannon({
        url,
        method: 'POST',
        headers,
        body,
        // Of a large body, writing it anew would be most of what is measured.
        idReplacement: body.length < 65_536,
        connections: Math.floor((connections + i) / bodies.length),
        duration: seconds,
        // The webhook asks for a new connection every 1,000 requests, which this client does not heed.
        reconnectRate: 900,
      }),
    ),
  )
  rest()
  for (const { non2xx, errors } of results)
    if (non2xx > 0 || errors > 0) throw new Error(`${non2xx} refused, ${errors} failed`)
  const sum = (of: (result: (typeof results)[number]) => number) => results.reduce((total, one) => total + of(one), 0)
  return {
    rate: sum(({ requests, duration }) => requests.total / duration),
    count: sum(({ requests }) => requests.total),
  }
}

/**
 * Has this process, the client, never sleep. Waking it up is work of whoever answers: some 10 µs for each answer in a virtual
 * machine, and for the faster server less often.
 *
 * @returns ends it
 */
function stayAwake(): () => void {
  let awake = true
  const look = () => {
    if (awake) setImmediate(look)
  }
  look()
  return () => {
    awake = false
  }
}

interface WireObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string; readonly [key: string]: unknown }
  readonly spec: unknown
}

/** The client puts another text here in every request. */
const changing = '[<id>]'

/** A Pod of a rollout and a Service that are well, and a policy with a finding. */
const objects: readonly WireObject[] = [
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `app-1-5d9c-${changing}`,
      namespace: 'shop',
      labels: { app: 'app-1' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'app-1-5d9c', controller: true }],
    },
    spec: {
      containers: [
        { name: 'app', image: 'app', ports: [{ containerPort: 8080 }] },
        { name: 'linkerd-proxy', image: 'proxy', ports: [{ name: 'linkerd-proxy', containerPort: 4143 }] },
      ],
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'app-1', namespace: 'shop' },
    spec: { selector: { app: 'app-1' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      podSelector: { matchLabels: { app: 'app-1' } },
      policyTypes: ['Ingress'],
      ingress: [
        { from: [{ podSelector: { matchLabels: { app: 'app-2' } } }], ports: [{ protocol: 'TCP', port: 8080 }] },
      ],
    },
  },
]

/** The object as nobody has seen it: made by no controller, under another name in every request. */
function renamed({ metadata: { namespace }, ...rest }: WireObject): WireObject {
  const labels = { app: 'app-1' }
  return { ...rest, metadata: { namespace, name: `app-1-${changing}`, ...(rest.kind === 'Pod' ? { labels } : {}) } }
}

/** A review of the object's creation, in so many bytes: an annotation makes up what is missing. */
function review(object: WireObject, size: number): string {
  const [version, group = ''] = object.apiVersion.split('/').toReversed()
  const text = (filler: string) =>
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: changing,
        operation: 'CREATE',
        kind: { group, version, kind: object.kind },
        namespace: 'shop',
        name: object.metadata.name,
        object: { ...object, metadata: { ...object.metadata, annotations: { filler } } },
      },
    })
  return text('x'.repeat(size - text('').length))
}

/** A namespace of twenty workloads and ten policies. */
function surroundings(): string {
  const documents = [
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {linkerd.io/inject: enabled}}',
  ]
  for (let i = 0; i < 20; i++)
    documents.push(
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app-${i}, namespace: shop}\nspec: {template: {metadata: {labels: {app: app-${i}}}, spec: {containers: [{name: app, image: app, ports: [{containerPort: 8080}]}]}}}`,
    )
  for (let i = 0; i < 10; i++)
    documents.push(
      `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: policy-${i}, namespace: shop}\nspec: {podSelector: {matchLabels: {app: app-${i + 5}}}, ingress: [{ports: [{port: 8080}, {port: 4143}]}]}`,
    )
  return documents.join('\n---\n')
}
