import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { reach } from '../../src/commands/reach.ts'
import { worldIn } from './world.ts'

const shop = readFileSync('examples/shop.yaml', 'utf8')

async function run(t: Tap, files: Record<string, string>, ...args: readonly string[]) {
  const folder = t.testdir({ in: files })
  const { world, said } = worldIn(folder, { stdin: [shop] })
  const status = await reach(
    args.map((arg) => arg.replace('@', `${folder}/`)),
    world,
  )
  return { status, folder, stdout: said.stdout.replaceAll(`${folder}/`, ''), stderr: said.stderr }
}

type Tap = Pick<typeof t, 'testdir'>

t.test('it tells who may reach whom, and 59:11 is the line that breaks it', async (t) => {
  const { status, stdout, stderr } = await run(t, { 'shop.yaml': shop }, '@in')
  t.equal(status, 0)
  t.equal(stderr, '')
  t.match(stdout, /^Deployment shop\/web {2}Deployment shop\/api {2}8080 {3}4143 closed {2}✖ broken$/m)
  t.match(
    stdout,
    /^ {4}in\/shop.yaml:59:11 {2}network-policy-omits-proxy-port {2}NetworkPolicy shop\/api lets 8080 in/m,
  )
  t.match(stdout, "note: on the host's network, where no policy selects them: DaemonSet shop/node-agent")
})

t.test('it reads standard input', async (t) => {
  t.match((await run(t, {}, '-')).stdout, '<stdin>:59:11')
  t.notMatch((await run(t, {}, '-', '--format', 'html')).stdout, 'href="./')
})

t.test('it keeps to what was asked for', async (t) => {
  const files = { 'shop.yaml': shop }
  const lines = async (...args: readonly string[]) =>
    (await run(t, files, '@in', ...args)).stdout.split('\n').filter((line) => /^\w+ shop\//.test(line))
  t.equal((await lines('--from', 'web')).length, 1)
  t.equal((await lines('--from', 'queue')).length, 0)
  t.match(await lines('--from', 'shop/queue', '--to', 'Deployment shop/a*'), [/none +4143 closed +closed$/])
  t.match(await lines('--from', 'api', '--to', 'queue'), [/every port +4143 open +open$/])
  t.equal((await lines('--broken')).length, 1)
  t.equal((await lines('--namespace', 'other')).length, 0)
  await t.rejects(run(t, files, '@in', '--to', 'nobody'), /there is no such workload/)
  await t.rejects(run(t, files, '@in', '--format', 'png'), /--format takes table, json, mermaid, html/)
  await t.rejects(run(t, files, '@in', '--assume-meshed', '--assume-unmeshed'), /exclude each other/)
})

t.test('it names the policy that closes a pair', async (t) => {
  const { stdout } = await run(t, { 'shop.yaml': shop }, '@in', '--from', 'queue', '--to', 'api')
  t.match(
    stdout,
    /in\/shop.yaml:\d+:\d+ {2}NetworkPolicy shop\/api denies what no rule allows into Deployment shop\/api/,
  )
})

t.test('it writes a page from which links lead to the files', async (t) => {
  const { folder, stdout } = await run(t, { 'a b.yaml': shop }, '@in', '--format=html', '--output', '@page.html')
  t.equal(stdout, '')
  t.match(readFileSync(join(folder, 'page.html'), 'utf8'), '<a href="./in/a%20b.yaml#L59">')
  await t.rejects(run(t, { 'a.yaml': shop }, '@in', '--output', '@gone/page'), /cannot write/)
})

t.test('it answers 2 for what cannot be read, and still draws the rest', async (t) => {
  for (const format of ['table', 'json', 'mermaid', 'html']) {
    const { status, stdout } = await run(t, { 'a.yaml': shop, 'b.yaml': 'a: [' }, '@in', '--format', format)
    t.equal(status, 2, format)
    t.match(stdout, '4143')
  }
  t.match((await run(t, { 'b.yaml': 'a: [' }, '@in')).stdout, /b.yaml:\d+:\d+ {2}failed/)
})

t.test('it counts Pods of a namespace that is not given as it is told', async (t) => {
  const alone = shop.slice(shop.indexOf('apiVersion: apps/v1'))
  t.match((await run(t, { 'a.yaml': alone }, '@in')).stdout, '✖ maybe broken')
  t.notMatch((await run(t, { 'a.yaml': alone }, '@in', '--assume-meshed')).stdout, 'maybe')
  t.match((await run(t, { 'a.yaml': alone }, '@in', '--assume-unmeshed')).stdout, /8080 +not used +open/)
})

t.test('it says how it is used', async (t) => {
  t.match((await run(t, {}, '--help')).stdout, /^meshgate reach/)
})
