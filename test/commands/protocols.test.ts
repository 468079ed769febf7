import { join } from 'node:path'
import t from 'tap'
import { check } from '../../src/commands/check.ts'
import { protocols } from '../../src/commands/protocols.ts'
import { catalogue } from '../../src/linkerd/protocols/catalogue.ts'

async function run(command: typeof protocols, args: readonly string[], cwd = import.meta.dirname) {
  let stdout = ''
  const status = await command(args, {
    stdin: (async function* () {})(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: () => undefined },
    env: {},
    cwd: () => cwd,
  })
  return { status, stdout }
}

t.test('it prints every protocol, with class, ports and evidence', async (t) => {
  const { status, stdout } = await run(protocols, [])
  t.equal(status, 0)
  for (const { name, source } of catalogue) {
    t.ok(stdout.includes(name), name)
    t.ok(stdout.includes(source), source)
  }
  t.match(
    stdout,
    /^The server speaks first: must be opaque \(server-first\)\n {2}MySQL {2}.* 3306, 33062 .* high {4}MySQL /,
  )
  t.match(stdout, / 5900-5999 /)
  const json = JSON.parse((await run(protocols, ['--format', 'json'])).stdout)
  t.same(
    json.map((one: { id: string }) => one.id),
    catalogue.map(({ id }) => id),
  )
  t.match(json[0], { id: 'mysql', class: 'server-first', evidence: 'high', ports: [3306, 33062] })
  await t.rejects(run(protocols, ['nats']), { message: 'protocols takes no arguments' })
  await t.rejects(run(protocols, ['--format', 'yaml']), { message: '--format takes text, json, not "yaml"' })
})

t.test('it prints what configuration adds, and check knows it', async (t) => {
  const folder = t.testdir({
    'meshgate.yaml': `protocols:
  - id: acme-bus
    name: Acme bus
    class: server-first
    ports: [7001]
    images: [acme-bus]
`,
    'shop.yaml': `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: bus, namespace: shop}
spec:
  serviceName: bus
  selector: {matchLabels: {app: bus}}
  template:
    metadata:
      labels: {app: bus}
      annotations: {linkerd.io/inject: enabled}
    spec:
      containers:
        - name: bus
          image: registry.example/acme-bus:3
          ports: [{containerPort: 7001}]
`,
  })
  t.match((await run(protocols, [], folder)).stdout, /\(server-first\)\n {2}Acme bus +7001 +high +configuration\n/)
  const { status, stdout } = await run(check, [join(folder, 'shop.yaml')], folder)
  t.equal(status, 1)
  t.match(stdout, /container port 7001 \(Acme bus\) is not opaque/)
})
