import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { version } from '../src/version.ts'

/** The command line, run unbuilt. */
const cli = join(import.meta.dirname, '../src/cli.ts')

/** Runs the command line in a process of its own, without what the test runner hangs into processes. */
function run(args: readonly string[], options: { readonly input?: string | Buffer; readonly cwd?: string } = {}) {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', env, ...options })
  return { status, stdout, stderr }
}

t.test('it says what it is and what it can do', async (t) => {
  t.same(run(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.same(run(['-V']), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.match(run(['--help']), { status: 0, stdout: /meshgate check PATH…/, stderr: '' })
  t.match(run([]), { status: 2, stdout: '', stderr: /meshgate check PATH…/ })
  for (const name of ['chek', 'constructor', '__proto__'])
    t.match(run([name]), { status: 2, stdout: '', stderr: `meshgate: there is no command "${name}"` })
})

t.test('it answers a mistake in one line, without a stack', async (t) => {
  for (const args of [['check'], ['check', '--fromat', 'x'], ['explain', 'x'], ['serve', '--cert', 'x']]) {
    const { status, stdout, stderr } = run(args)
    t.match({ status, stdout, stderr }, { status: 2, stdout: '', stderr: /^meshgate: [^\n]+\n$/ }, args.join(' '))
  }
})

t.test('it says that Node is too old before a command stumbles over it', async (t) => {
  const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
    engines: { node: string }
  }
  const oldest = engines.node.replace('>=', '')
  const runOn = (version: string) => {
    const pretend = `data:text/javascript,Object.defineProperty(process,'version',{value:'${version}'})`
    const { NODE_OPTIONS: _, ...env } = process.env
    return spawnSync(process.execPath, ['--import', pretend, cli, 'rules'], { encoding: 'utf8', env })
  }
  for (const version of ['v20.20.2', 'v22.18.0', 'v9.0.0'])
    t.match(runOn(version), {
      status: 2,
      stdout: '',
      stderr: `meshgate: needs Node ${oldest} or later; this is ${version}\n`,
    })
  for (const version of [`v${oldest}.0`, 'v24.0.0', 'v100.1.0']) t.match(runOn(version), { status: 0, stderr: '' })
})

t.test('it judges standard input and answers by its exit code', async (t) => {
  const service = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}'
  t.match(run(['check', '-'], { input: service }), { status: 0, stdout: /^✔ 1 object/, stderr: '' })
  t.match(run(['check', '-', '--fail-on=never'], { input: 'a: [' }), { status: 2, stdout: /^<stdin>:1:5 {2}failed/ })
  t.match(run(['check', '.'], { cwd: t.testdir({ d: { 'a.yaml': service } }) }), { status: 0, stdout: /^✔ 1 object/ })
})

t.test('it says nothing when its reader has left', async (t) => {
  const folder = t.testdir({ 'a.yaml': 'a: 1\n---\n'.repeat(9000) })
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [cli, 'check', join(folder, 'a.yaml')], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  child.stdout.once('data', () => child.stdout.destroy())
  const status = await new Promise((resolve) => child.once('close', resolve))
  t.equal(complaint, '')
  t.equal(status, 2)
})
