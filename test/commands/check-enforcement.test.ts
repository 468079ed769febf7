import { join } from 'node:path'
import t from 'tap'
import { check } from '../../src/commands/check.ts'
import { rules } from '../../src/rules/index.ts'

const manifests = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {env: prod}, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: example/web, ports: [{containerPort: 8080}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [{port: 8080}]
`

const rule = 'network-policy-omits-proxy-port'

/** What `check` says of the manifests under this configuration, on this day. */
async function run(t: Tap, config: string, day: string, ...args: readonly string[]) {
  return runOn(t, manifests, config, day, ...args)
}

async function runOn(t: Tap, manifests: string, config: string, day: string, ...args: readonly string[]) {
  const folder = t.testdir({ 'shop.yaml': manifests, 'meshgate.yaml': config })
  let stdout = ''
  let stderr = ''
  const status = await check([join(folder, 'shop.yaml'), '--config', join(folder, 'meshgate.yaml'), ...args], {
    stdin: (async function* () {})(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    cwd: () => folder,
    now: () => new Date(day),
  })
  return { status, stdout, stderr }
}

type Tap = Pick<typeof t, 'testdir'>

const exemption = (name: string) => `
exemptions:
  - {rule: ${rule}, namespace: shop, name: ${name}, reason: until the move, owner: team-shop, expires: 2027-01-31}
`

t.test('it lets be what is exempt, and counts it', async (t) => {
  const { status, stdout, stderr } = await run(t, exemption('w*'), '2026-12-01')
  t.equal(status, 0)
  t.equal(stdout, `✔ 3 objects, ${rules.length} rules, 0 findings; 1 exempted\n`)
  t.equal(stderr, '')
})

t.test('it tells of the end for 14 days', async (t) => {
  const line = `meshgate: exemption ends on 2027-01-31 (owner team-shop): ${rule} for shop/w*\n`
  for (const day of ['2027-01-18T00:00:00Z', '2027-01-31T23:59:59Z'])
    t.match(await run(t, exemption('w*'), day), { status: 0, stderr: line }, day)
  t.match(await run(t, exemption('w*'), '2027-01-17T23:59:59Z'), { status: 0, stderr: '' })
  t.equal((await run(t, exemption('w*'), '2027-01-20', '--quiet')).stderr, '')
})

t.test('it brings the finding back after the last day, and says why', async (t) => {
  const { status, stdout, stderr } = await run(t, exemption('w*'), '2027-02-01T00:00:00Z')
  t.equal(status, 1)
  t.match(
    stdout,
    /shop\.yaml:20:15 {2}error .*\(not exempt: the exemption expired on 2027-01-31 \(owner team-shop\)\)\n/,
  )
  t.match(stdout, /1 finding \(1 error\)/)
  t.equal(stderr, '')
})

t.test('it reports what nothing needs, without a new member in the JSON', async (t) => {
  const { status, stdout, stderr } = await run(t, exemption('api'), '2026-12-01')
  t.equal(status, 1)
  t.match(stdout, /; 1 exemption unused\n$/)
  t.equal(stderr, `meshgate: exemption unused: ${rule} for shop/api; nothing in this input needs it\n`)
  const json = await run(t, exemption('api'), '2026-12-01', '--format', 'json')
  t.same(Object.keys(JSON.parse(json.stdout)), ['version', 'findings', 'summary', 'failures'])
  t.same(Object.keys(JSON.parse(json.stdout).summary), ['files', 'resources', 'rules', 'findings'])
  t.match(json.stderr, /unused/)
  const many = Array.from({ length: 13 }, (_, i) => `  - {rule: ${rule}, name: api-${i}, reason: x}\n`).join('')
  const lines = (await run(t, `exemptions:\n${many}`, '2026-12-01')).stderr.trimEnd().split('\n')
  t.equal(lines.length, 11)
  t.equal(lines.at(-1), 'meshgate: 3 more exemptions are unused')
})

t.test('it does not fix what is exempt', async (t) => {
  t.equal((await run(t, exemption('w*'), '2026-12-01', '--diff')).stdout, '')
  t.match((await run(t, exemption('api'), '2026-12-01', '--diff')).stdout, /\+.*4143/)
})

t.test('it enforces by the labels of the Namespaces in the input', async (t) => {
  const config = (env: string) => `
rules:
  ${rule}: {enforcement: warn, namespaces: [{selector: {matchLabels: {env: ${env}}}, enforcement: deny}]}
`
  const enforcement = async (config: string) =>
    JSON.parse((await run(t, config, '2026-12-01', '--format', 'json')).stdout).findings[0].enforcement
  t.equal(await enforcement(config('prod')), 'deny')
  t.equal(await enforcement(config('test')), 'warn')
})

t.test('it requires injection where the labels of the Namespace do', async (t) => {
  const config = 'requireInjection: [{selector: {matchExpressions: [{key: env, operator: In, values: [prod]}]}}]'
  const plain = manifests.replace(', annotations: {linkerd.io/inject: enabled}', '')
  const messages = async (manifests: string) => {
    const { stdout } = await runOn(t, manifests, config, '2026-12-01', '--format', 'json')
    const found: readonly { rule: string; message: string }[] = JSON.parse(stdout).findings
    return found.filter(({ rule }) => rule === 'pod-not-injected').map(({ message }) => message)
  }
  t.same(await messages(plain), ['not-asked'])
  t.same(await messages(plain.replace('env: prod', 'env: test')), [])
  t.same(await messages(plain.slice(plain.indexOf('---'))), [], 'of labels that are not known it asks nothing')
})

t.test('it refuses a configuration at its line, with the word that was meant', async (t) => {
  await t.rejects(run(t, 'exemptions:\n  - {rule: pod-not-inject, reason: x}\n', '2026-12-01'), {
    name: 'UsageError',
    message:
      /meshgate\.yaml:2:12: exemptions\[0\]\.rule: "pod-not-inject" is not one of .*; did you mean pod-not-injected\?$/,
  })
})

t.test('it tells of an annotation that suppresses nothing since no rule has that name', async (t) => {
  const typo = manifests.replace('metadata: {name: web, namespace: shop}\nspec:\n  podSelector', () => {
    const annotations = `annotations: {suppress.meshgate.dev/network-policy-omit-proxy-port: known}`
    return `metadata: {name: web, namespace: shop, ${annotations}}\nspec:\n  podSelector`
  })
  const { status, stdout } = await runOn(t, typo, '{}\n', '2026-01-01')
  t.equal(status, 1)
  t.match(stdout, `there is no rule "network-policy-omit-proxy-port" (${rule} was meant?)`)
  t.match(stdout, /network-policy-omits-proxy-port.*TCP 4143 is missing/)
})
