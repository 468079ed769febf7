import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { chart } from './helm.ts'
import { bin, skipWithout } from './kit.ts'

/* The alerts as the real Prometheus evaluates them. MESHGATE_KIT_BIN names a folder with promtool. */

const skip = skipWithout('promtool')

const alerts = join(chart, 'files/alerts.yaml')
const cases = join(import.meta.dirname, '../charts/alerts.yaml')

t.test('the alerts', { skip }, async (t) => {
  const promtool = (...args: string[]) =>
    new Promise<{ failed: boolean; output: string }>((resolve) => {
      execFile(join(bin, 'promtool'), args, (error, stdout, stderr) =>
        resolve({ failed: error !== null, output: stdout + stderr }),
      )
    })

  await t.test('it writes rules that Prometheus reads', async (t) => {
    const { failed, output } = await promtool('check', 'rules', '--lint=all', '--lint-fatal', alerts)
    t.notOk(failed, output)
  })

  await t.test('it fires each alert on what it is for, and on nothing else', async (t) => {
    const { failed, output } = await promtool('test', 'rules', cases)
    t.notOk(failed, output)
    const names = (file: string, key: string) => [
      ...readFileSync(file, 'utf8').matchAll(new RegExp(`${key}: (\\w+)`, 'g')),
    ]
    const tested = new Set(names(cases, 'alertname').map(([, name]) => name))
    t.same(
      names(alerts, '- alert').filter(([, name]) => !tested.has(name)),
      [],
      'each has a case',
    )
  })
})
