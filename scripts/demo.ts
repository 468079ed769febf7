import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { check } from '../src/commands/check.ts'
import { loadConfig } from '../src/config/load.ts'
import { startWebhook } from '../src/main.ts'
import { readDocuments } from '../src/manifests/read-document.ts'
import { rules } from '../src/rules/index.ts'

/*
 * The main job on examples/: `check` prints findings; then the webhook runs on loopback with a certificate it makes itself,
 * and is sent the reviews an API server would send; its answers are printed as kubectl prints them.
 */

const file = 'examples/shop.yaml'

console.log(`$ meshgate check ${file}\n`)
await check([file], process)

console.log('\n$ meshgate serve --config examples/meshgate.yaml --snapshot examples &\n')
const config = loadConfig(
  'examples/meshgate.yaml',
  process.cwd(),
  rules.map((rule) => rule.id),
)
const webhook = await startWebhook({
  host: '127.0.0.1',
  port: 0,
  names: ['127.0.0.1', 'localhost'],
  snapshot: [file],
  config,
})
console.log(`meshgate serves ${webhook.url} with a certificate of its own\n`)

console.log(`$ kubectl create -f ${file}\n`)
try {
  for (const read of readDocuments(file, readFileSync(file, 'utf8'))) if ('value' in read) await create(read.value)
} finally {
  await webhook.stop(0)
}

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

/** Posts the review that an API server would send for this object, and prints what kubectl would. */
async function create(value: unknown): Promise<void> {
  const object = value as Manifest
  const [version = '', group = ''] = object.apiVersion.split('/').toReversed()
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: crypto.randomUUID(),
      operation: 'CREATE',
      kind: { group, version, kind: object.kind },
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name,
      object,
    },
  }
  const { allowed, warnings = [], status } = (await post('/validate', review)).response
  for (const warning of warnings) console.log(`Warning: ${warning}`)
  const name = `${object.kind.toLowerCase()}${group === '' ? '' : `.${group}`}`
  if (allowed) console.log(`${name}/${object.metadata.name} created`)
  else
    console.log(
      `Error from server (Forbidden): error when creating "${file}": admission webhook "validate.meshgate.dev" denied the request: ${status?.message}`,
    )
}

interface Verdict {
  readonly response: {
    readonly allowed: boolean
    readonly warnings?: readonly string[]
    readonly status?: { readonly message: string }
  }
}

function post(path: string, body: object): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', ca: webhook.ca, headers: { 'content-type': 'application/json' } }
    const call = request(`${webhook.url}${path}?timeout=10s`, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve(JSON.parse(text)))
    })
    call.on('error', reject)
    call.end(JSON.stringify(body))
  })
}
