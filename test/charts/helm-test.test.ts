import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'

/* What `helm test` runs, before a server that says what it is told to. */

const script = readFileSync(join(import.meta.dirname, '../../charts/meshgate/files/test.mjs'), 'utf8')

const metrics = (trusted: string, called: string) => `# TYPE meshgate_trust_probe_success gauge
${trusted}
# TYPE meshgate_canary_success gauge
${called}
`
const whole = metrics(
  'meshgate_trust_probe_success{configuration="a-meshgate"} 1\nmeshgate_trust_probe_success{configuration="meshgate"} 1',
  'meshgate_canary_success 1',
)

const cases: readonly (readonly [what: string, ready: string | undefined, metrics: string, says: RegExp])[] = [
  ['the path is whole', undefined, whole, /^the API server calls meshgate, and trusts it\n$/],
  ['it is not ready', 'the certificate expired', whole, /^not ready: the certificate expired\n$/],
  [
    'one configuration does not trust it',
    undefined,
    whole.replace('"meshgate"} 1', '"meshgate"} 0'),
    /^the API server does not trust the certificate/,
  ],
  [
    'it is not called',
    undefined,
    whole.replace('canary_success 1', 'canary_success 0'),
    /^the API server does not call/,
  ],
  ['nothing is known yet', undefined, metrics('', ''), /^the API server does not trust the certificate/],
]

t.test('helm test says what is wrong, and fails for that alone', async (t) => {
  let now = { ready: '' as string | undefined, metrics: '' }
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/readyz' && now.ready !== undefined ? 503 : 200
    response.end(request.url === '/readyz' ? (now.ready ?? 'ok') : now.metrics)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = () =>
    new Promise<{ failed: boolean; stdout: string }>((resolve) => {
      const env = { MESHGATE_URL: url, MESHGATE_PATIENCE_MS: '0' }
      const child = execFile(process.execPath, ['--input-type=module', '--eval', script], { env }, (error, stdout) =>
        resolve({ failed: error !== null, stdout }),
      )
      child.stdin?.end()
    })
  for (const [what, ready, metrics, says] of cases) {
    now = { ready, metrics }
    const { failed, stdout } = await ask()
    t.match(stdout, says, what)
    t.equal(failed, !stdout.includes('calls meshgate'), what)
  }
  server.close().closeAllConnections()
  await new Promise((resolve) => server.once('close', resolve))
  const { failed, stdout } = await ask()
  t.ok(failed)
  t.match(stdout, /^nobody answers: .*ECONNREFUSED/)
})
