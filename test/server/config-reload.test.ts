import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { findConfig, parseConfig } from '../../src/config/load.ts'
import { startWebhook } from '../../src/main.ts'
import { rules } from '../../src/rules/index.ts'

t.test('it serves on with the last good configuration', async (t) => {
  const folder = t.testdir()
  let generation = 0
  const publish = (content: string) => {
    generation++
    mkdirSync(join(folder, `..${generation}`))
    writeFileSync(join(folder, `..${generation}`, 'meshgate.yaml'), content)
    symlinkSync(`..${generation}`, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  publish('exemptions: [{rule: pod-not-injected, name: a, reason: x}]')
  symlinkSync('..data/meshgate.yaml', join(folder, 'meshgate.yaml'))
  const file = join(folder, 'meshgate.yaml')
  const source = findConfig(file, folder)
  const logged: { level: number; msg: string }[] = []
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    names: ['127.0.0.1'],
    snapshot: [],
    config: parseConfig(
      file,
      source?.text ?? '',
      rules.map(({ id }) => id),
    ),
    configSource: source,
    log: { write: (line) => logged.push(JSON.parse(line)) },
  })
  t.teardown(() => webhook.stop(0))
  const get = (path: string) =>
    new Promise<string>((resolve, reject) => {
      request(`${webhook.url}${path}`, { ca: webhook.ca, agent: false }, (answer) => {
        text(answer).then(resolve, reject)
      })
        .on('error', reject)
        .end()
    })
  const reloads = async () => {
    const metrics = await get('/metrics')
    return Object.fromEntries(
      [...metrics.matchAll(/^meshgate_config_reload_total\{result="(\w+)"\} (\d+)$/gm)].map(([, result, count]) => [
        result,
        Number(count),
      ]),
    )
  }
  const lastGood = async () =>
    Number(/^meshgate_config_last_good_timestamp_seconds ([\d.e+]+)$/m.exec(await get('/metrics'))?.[1])
  const zero = { success: 0, invalid: 0, missing: 0, unreadable: 0 }

  t.same(await reloads(), zero)
  const started = await lastGood()
  t.ok(started > 1e9 && started <= Date.now() / 1000)

  publish('exemptions: [{rule: pod-not-inject, name: b, reason: x}]')
  await webhook.reload()
  await webhook.reload()
  t.same(await reloads(), { ...zero, invalid: 2 }, 'an alert on its rate lasts as long as the mistake')
  t.equal(await lastGood(), started)
  const told = logged.filter(({ msg }) => msg.includes('last good'))
  t.equal(told.length, 1, 'the log says it once')
  t.match(told, [
    {
      level: 50,
      msg: /^.*meshgate\.yaml:1:21: exemptions\[0\]\.rule: "pod-not-inject" is not one of .*; did you mean pod-not-injected\?; the last good configuration stays in force until the file is right again$/,
    },
  ])
  t.match(await get('/readyz?verbose'), 'pod-not-injected for */a')

  publish('exemptions: [{rule: pod-not-injected, name: b, reason: x}]')
  await webhook.reload()
  t.same(await reloads(), { ...zero, invalid: 2, success: 1 })
  t.ok((await lastGood()) > started)
  t.match(await get('/readyz?verbose'), 'pod-not-injected for */b')
  t.match(logged.at(-1), { level: 30, msg: 'a new configuration is in force' })
})
