import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { check } from '../../src/commands/check.ts'
import { worldIn } from './world.ts'

const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: shop
  annotations: {linkerd.io/inject: enabled}
`
const deployment = (name: string, image = 'ghcr.io/example/app:1', more = '') => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, namespace: shop}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
${more}      containers: [{name: app, image: '${image}'}]
`
const world = `${namespace}---\n${deployment('api')}---\n${deployment('web')}`
const policy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports:
        - port: 8080  # the API
`
/** Where the port stands that the finding is about. */
const line = `${world}---\n${policy}`.split('\n').findIndex((text) => text.includes('port: 8080')) + 1
const fixedPolicy = policy.replace('# the API\n', '# the API\n        - port: 4143\n          protocol: TCP\n')
/** An error, fixable. */
const broken = `${world}---\n${policy}`
/** A warning: an injected pod on the host's network. */
const warning = `${namespace}---\n${deployment('web', undefined, '      hostNetwork: true\n')}`

/** Runs `check` in a folder. Paths in the arguments that start with `@` lie there. */
async function run(
  t: Test,
  files: Parameters<Test['testdir']>[0],
  args: readonly string[],
  options: Parameters<typeof worldIn>[1] = {},
) {
  const folder = t.testdir(files)
  const { world, said } = worldIn(folder, options)
  const status = await check(
    args.map((arg) => (arg.startsWith('@') ? join(folder, arg.slice(1)) : arg)),
    world,
  )
  const short = (text: string) => text.replaceAll(`${folder}/`, '')
  return { status, folder, stdout: short(said.stdout), stderr: short(said.stderr) }
}

t.test('it answers 0 when there is nothing to say, and says how much it looked at', async (t) => {
  const { status, stdout, stderr } = await run(t, { 'a.yaml': world }, ['@a.yaml'])
  t.match({ status, stdout, stderr }, { status: 0, stdout: /^✔ 3 objects, \d+ rules, 0 findings\n$/, stderr: '' })
  const quiet = await run(t, { 'a.yaml': world }, ['-q', '@a.yaml'])
  t.match(quiet, { status: 0, stdout: '', stderr: '' })
})

t.test('it answers 1 for findings, at the line and column', async (t) => {
  const { status, stdout } = await run(t, { deploy: { 'a.yaml': broken } }, ['@deploy'])
  t.equal(status, 1)
  t.ok(stdout.startsWith(`deploy/a.yaml:${line}:11  error    network-policy-omits-proxy-port  TCP 4143 is missing`))
  t.match(stdout, /\n {4}fix: add TCP 4143/)
  t.match(stdout, /\n✖ 4 objects, \d+ rules, 1 finding \(1 error\); 1 fixable with --fix\n$/)
})

t.test('it answers 2 for what cannot be read, and still says what was found', async (t) => {
  const { status, stdout } = await run(t, { 'a.yaml': broken, 'b.yaml': 'a: [\n' }, ['@a.yaml', '@b.yaml', '@gone'])
  t.equal(status, 2)
  t.match(stdout, /^b.yaml:2:1 {2}failed {3}not YAML/)
  t.match(stdout, /\ngone:1:1 {2}failed {3}there is no such file/)
  t.match(stdout, `\na.yaml:${line}:11  error`)
  t.match(stdout, /1 finding \(1 error\); 1 fixable with --fix; 2 failures\n$/)
  for (const files of [{ x: {} }, { x: { 'values.yaml': 'a: 1\n' } }])
    t.match(await run(t, files, ['@x', '--format', 'json']), { status: 2, stdout: /holds no Kubernetes object/ })
})

t.test('it fails on the severity that was asked for', async (t) => {
  const status = async (text: string, failOn: string) =>
    (await run(t, { 'a.yaml': text }, ['@a.yaml', '--fail-on', failOn])).status
  t.same([await status(broken, 'error'), await status(broken, 'warning'), await status(broken, 'never')], [1, 1, 0])
  t.match((await run(t, { 'a.yaml': warning }, ['@a.yaml'])).stdout, /\(1 warning\)/)
  t.same([await status(warning, 'error'), await status(warning, 'warning'), await status(warning, 'info')], [0, 1, 1])
  t.equal(await status('a: [', 'never'), 2, 'what cannot be read fails in any case')
})

t.test('it answers the same in every format', async (t) => {
  for (const format of ['text', 'json', 'sarif', 'github'])
    for (const [status, text] of [
      [0, world],
      [1, broken],
      [2, `${broken}---\na: [\n`],
    ] as const)
      t.equal((await run(t, { 'a.yaml': text }, ['@a.yaml', '--format', format])).status, status, `${format} ${status}`)
})

t.test('its JSON form is exactly the interface', async (t) => {
  const list = `apiVersion: v1\nkind: List\nitems:\n${[namespace, deployment('api'), deployment('web'), policy]
    .map((text) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`)
    .join('')}`
  const { status, stdout } = await run(t, { deploy: { sub: { 'l.yaml': list, 'bad.yaml': 'a:\n\tb: 1\n' } } }, [
    '@deploy/',
    '--format=json',
  ])
  t.equal(status, 2)
  const report = JSON.parse(stdout)
  const [found] = report.findings
  t.same(report, {
    version: 1,
    findings: [
      {
        rule: 'network-policy-omits-proxy-port',
        message: 'omitted',
        text: found.text,
        severity: 'error',
        confidence: 'high',
        enforcement: 'warn',
        file: 'deploy/sub/l.yaml',
        line: list.split('\n').findIndex((text) => text.includes('port: 8080')) + 1,
        column: 13,
        path: ['spec', 'ingress', 0, 'ports', 0],
        resource: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'shop', name: 'api' },
        fixable: true,
      },
    ],
    summary: { files: 2, resources: 4, rules: report.summary.rules, findings: 1 },
    failures: [
      {
        file: 'deploy/sub/bad.yaml',
        line: 2,
        column: 1,
        text: 'not YAML: tab characters must not be used in indentation',
      },
    ],
  })
  t.same(Object.keys(report), ['version', 'findings', 'summary', 'failures'])
  t.same(
    Object.keys(found).join(' '),
    'rule message text severity confidence enforcement file line column path resource fixable',
  )
  t.match(list.split('\n')[found.line - 1]?.slice(found.column - 1), /^port: 8080/)
  t.ok(stdout.endsWith('}\n'))
})

t.test('it says the place in JSON, and in JSON behind JSON', async (t) => {
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', annotations: { 'linkerd.io/inject': 'enabled' } },
    },
    ...['api', 'web'].map((app) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: app, namespace: 'shop' },
      spec: { template: { metadata: { labels: { app } }, spec: { containers: [{ name: 'app' }] } } },
    })),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'api', namespace: 'shop' },
      spec: {
        podSelector: { matchLabels: { app: 'api' } },
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 8080 }] }],
      },
    },
  ]
  for (const text of [
    objects.map((object) => JSON.stringify(object)).join(''),
    objects.map((object) => JSON.stringify(object, null, '\t')).join('\n'),
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2),
  ]) {
    const { stdout } = await run(t, {}, ['-', '--format', 'json'], {
      stdin: [text.slice(0, 100), Buffer.from(text.slice(100))],
    })
    const [found] = JSON.parse(stdout).findings
    t.equal(found.file, '<stdin>')
    t.match(text.split('\n')[found.line - 1]?.slice(found.column - 1), /^\{\s*("port": ?8080|$)/)
  }
})

t.test('it writes each format where it belongs', async (t) => {
  const { folder, stdout } = await run(
    t,
    { 'a.yaml': broken },
    '@a.yaml --format github --format sarif --output @out.sarif --format=json --output=/dev/null'.split(' '),
  )
  t.ok(
    stdout.startsWith(
      `::error title=network-policy-omits-proxy-port,file=a.yaml,line=${line},endLine=${line},col=11,endColumn=21::TCP`,
    ),
  )
  t.match(JSON.parse(readFileSync(join(folder, 'out.sarif'), 'utf8')), {
    version: '2.1.0',
    runs: [{ results: [{ level: 'error' }] }],
  })
  const before = await run(t, { 'a.yaml': broken }, ['--output', '@out.json', '--format', 'json', '@a.yaml'])
  t.equal(before.stdout, '')
  t.equal(JSON.parse(readFileSync(join(before.folder, 'out.json'), 'utf8')).findings.length, 1)
  const dash = await run(t, { 'a.yaml': broken }, ['@a.yaml', '--format', 'json', '--output', '-'])
  t.equal(JSON.parse(dash.stdout).version, 1)
})

t.test('it refuses a command line that is wrong, and says what to type', async (t) => {
  for (const [args, message] of [
    [[], /nothing to check; name files/],
    [['@a.yaml', '--fromat', 'json'], /Unknown option '--fromat'; did you mean --format\?/],
    [['@a.yaml', '--assume-mesh'], /did you mean --assume-meshed\?/],
    [['@a.yaml', '-x'], /Unknown option '-x'/],
    [['@a.yaml', '--format'], /--format/],
    [['@a.yaml', '--format', 'xml'], /--format takes text, json, sarif, github, not "xml"/],
    [['@a.yaml', '--fail-on', 'fatal'], /--fail-on takes error, warning, info, never, not "fatal"/],
    [['@a.yaml', '--color', 'maybe'], /--color takes auto, always, never/],
    [['@a.yaml', '--fix', '--diff'], /exclude each other/],
    [['-', '--fix'], /standard input cannot be fixed/],
    [['@a.yaml', '--assume-meshed', '--assume-unmeshed'], /exclude each other/],
    [['@a.yaml', '--output', 'x', '--output', 'y'], /--output y has no --format/],
    [['@a.yaml', '--output', 'x', '--format', 'json', '--output', 'y'], /--output x has no --format/],
    [['@a.yaml', '--format', 'json', '--format', 'text'], /only one --format can go to standard output/],
    [['@a.yaml', '--format', 'json', '--diff'], /--diff goes to standard output/],
    [['@a.yaml', '--config', '@gone.yaml'], /cannot read the configuration .*gone.yaml/],
    [['@a.yaml', '--output', '@no/such/folder'], /cannot write .*no\/such\/folder/],
  ] as const)
    await t.rejects(run(t, { 'a.yaml': world }, args), { name: 'UsageError', message }, args.join(' '))
})

t.test('it fixes files in place and judges them again', async (t) => {
  const { status, stdout, folder } = await run(t, { 'a.yaml': broken, 'b.yaml': '# mine\r\n' }, ['@a.yaml', '--fix'])
  t.equal(status, 0)
  t.match(stdout, /^✔ 4 objects, \d+ rules, 0 findings\n$/)
  t.equal(readFileSync(join(folder, 'a.yaml'), 'utf8'), `${world}---\n${fixedPolicy}`)
  const again = worldIn(folder)
  t.equal(await check([join(folder, 'a.yaml'), '--fix'], again.world), 0)
  t.equal(readFileSync(join(folder, 'a.yaml'), 'utf8'), `${world}---\n${fixedPolicy}`, 'a second time changes nothing')
})

t.test('it shows the changes and makes none', async (t) => {
  const { status, stdout, folder } = await run(t, { 'a.yaml': broken }, ['@a.yaml', '--diff'])
  t.equal(status, 1)
  t.match(stdout, /^--- a\/.*a.yaml\n\+\+\+ b\/.*a.yaml\n@@ /)
  t.same(
    stdout.split('\n').filter((line) => /^[+-](?![+-])/.test(line)),
    ['+        - port: 4143', '+          protocol: TCP'],
  )
  t.equal(readFileSync(join(folder, 'a.yaml'), 'utf8'), broken)
  const clean = await run(t, { 'a.yaml': world }, ['@a.yaml', '--diff'])
  t.match(clean, { status: 0, stdout: '' })
  const stdin = await run(t, {}, ['-', '--diff'], { stdin: [broken] })
  t.match(stdin.stdout, /^--- a\/<stdin>\n/)
})

t.test('it takes the configuration that was named, that of the environment, or the nearest', async (t) => {
  const off = 'rules: {network-policy-omits-proxy-port: {enforcement: "off"}}\n'
  const files = { 'a.yaml': broken, 'off.yaml': off, '.git': {} }
  t.equal((await run(t, files, ['@a.yaml'])).status, 1)
  t.equal((await run(t, files, ['@a.yaml', '--config', '@off.yaml'])).status, 0)
  t.equal((await run(t, { ...files, '.meshgate.yaml': off }, ['@a.yaml'])).status, 0)
  const folder = t.testdir(files)
  const env = { MESHGATE_CONFIG: join(folder, 'off.yaml') }
  t.equal(await check([join(folder, 'a.yaml')], worldIn(folder, { env }).world), 0)
  writeFileSync(join(folder, 'bad.yaml'), 'rulez: {}\n')
  await t.rejects(check([join(folder, 'a.yaml'), '--config', join(folder, 'bad.yaml')], worldIn(folder).world), {
    name: 'UsageError',
    message: /bad.yaml:1:\d+: rulez: unknown key "rulez"; did you mean rules\?/,
  })
})

t.test('it believes what it is told about pods it cannot see', async (t) => {
  const status = async (...args: string[]) =>
    (await run(t, { 'a.yaml': policy }, ['@a.yaml', '--fail-on', 'info', ...args])).status
  t.same([await status('--assume-meshed'), await status('--assume-unmeshed')], [1, 0])
})

t.test('it colours for people only', async (t) => {
  const files = { 'a.yaml': broken }
  const coloured = async (args: readonly string[], options: Parameters<typeof worldIn>[1]) =>
    (await run(t, files, ['@a.yaml', ...args], options)).stdout.includes('\u001b[')
  const cases: readonly (readonly [readonly string[], Parameters<typeof worldIn>[1], boolean])[] = [
    [[], {}, false],
    [[], { isTTY: true }, true],
    [[], { isTTY: true, env: { NO_COLOR: '1' } }, false],
    [[], { isTTY: true, env: { NO_COLOR: '' } }, true],
    [[], { isTTY: true, env: { TERM: 'dumb' } }, false],
    [[], { env: { FORCE_COLOR: '1' } }, true],
    [[], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, true],
    [['--color', 'never'], { isTTY: true, env: { FORCE_COLOR: '1' } }, false],
    [['--color', 'always'], { env: { NO_COLOR: '1' } }, true],
    [['--color', 'always', '--format', 'json'], {}, false],
  ]
  for (const [args, options, expected] of cases)
    t.equal(await coloured(args, options), expected, JSON.stringify([args, options]))
})

t.test('it tells what it left out, unless it is to be quiet', async (t) => {
  const files = { 'a.yaml': world, chart: { 'Chart.yaml': 'a: 1', templates: { 'x.yaml': 'a: {{ .Values.a }}' } } }
  t.match(await run(t, files, ['@.']), { status: 0, stderr: /^meshgate: .*x.yaml: is a Helm template/ })
  t.match(await run(t, files, ['@.', '-q']), { status: 0, stderr: '' })
  t.match(await run(t, files, ['@chart/templates/x.yaml']), {
    status: 2,
    stdout: /x.yaml:1:1 {2}failed {3}is a Helm template/,
  })
})

t.test('it reads no more of standard input than of a file', async (t) => {
  const endless = {
    *[Symbol.iterator]() {
      for (;;) yield Buffer.alloc(1024 * 1024, '#')
    },
  } as unknown as readonly Uint8Array[]
  const { status, stdout } = await run(t, {}, ['-'], { stdin: endless })
  t.match({ status, stdout }, { status: 2, stdout: /<stdin>:1:1 {2}failed .* bytes are more than/ })
})

t.test('it tells of keys that are written twice, in YAML and in JSON, where the lost one stands', async (t) => {
  const twice = `apiVersion: v1
kind: Namespace
metadata:
  name: a
  annotations:
    linkerd.io/inject: enabled
  annotations:
    team: shop
`
  const json = '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b",\n  "name": "c"}}'
  const { status, stdout } = await run(t, { 'a.yaml': twice, 'b.json': json }, ['@', '--format', 'github'])
  t.equal(status, 1)
  t.match(
    stdout,
    /^::error .*,file=a\.yaml,line=5,.*metadata\.annotations of Namespace a .* linkerd\.io\/inject is lost/m,
  )
  t.match(stdout, /^::warning .*,file=b\.json,line=1,.*metadata\.name of Namespace c .* "b" is lost/m)
})

t.test('it fails a directive that kubectl refuses, and judges the object all the same', async (t) => {
  const { status, stdout } = await run(t, { 'a.yaml': `%YAML 1.2\n---\n${broken}` }, ['@a.yaml'])
  t.equal(status, 2)
  t.match(stdout, /^a\.yaml:1:1 {2}failed {3}kubectl refuses %YAML directives; remove the line/m)
  t.match(stdout, /network-policy-omits-proxy-port/)
})

t.test('it prints its options', async (t) => {
  const { status, stdout } = await run(t, {}, ['--help'])
  t.equal(status, 0)
  for (const option of [
    '--format',
    '--output',
    '--fail-on',
    '--fix',
    '--diff',
    '--config',
    '--assume-meshed',
    '--color',
    '-q',
  ])
    t.match(stdout, option)
})
