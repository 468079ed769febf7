import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const cli = join(import.meta.dirname, '../../src/cli.ts')

/** Runs `meshgate serve` until it ends, or, where it serves, until it was asked and told to stop. */
function serve(args: readonly string[], ask?: (said: string) => Promise<unknown>) {
  return new Promise<{ code: number | null; said: string; complained: string; asked: unknown }>((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'serve', ...args], { env: { PATH: process.env['PATH'] } })
    let [said, complained] = ['', '']
    let asked: Promise<unknown> | undefined
    child.stderr.setEncoding('utf8').on('data', (chunk) => (complained += chunk))
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      said += chunk
      if (ask !== undefined && asked === undefined && said.includes('health')) void stopAfter((asked = ask(said)))
    })
    const stopAfter = async (asking: Promise<unknown>) => {
      try {
        await asking
      } catch (error) {
        reject(error)
      }
      child.kill('SIGTERM')
    }
    child.on('close', (code) => resolve({ code, said, complained, asked }))
  })
}

t.test('it serves its health by plain HTTP until it is told to stop', async (t) => {
  const args = ['--no-cluster', '--host=127.0.0.1', '--port=0', '--health-port=0', '--drain=0']
  const { code, said, asked } = await serve(args, async (said) => {
    const url = /^meshgate tells of its health at (http:\S+)$/m.exec(said)?.[1]
    return (await fetch(`${url}/readyz`, { headers: { connection: 'close' } })).text()
  })
  t.same([code, await asked], [0, 'ok\n'])
  t.match(said, /^-----BEGIN CERTIFICATE-----\r?\n[\s\S]*^meshgate serves https:\/\/127\.0\.0\.1:\d+$/m)
})

t.test('it refuses what it cannot do, in words', async (t) => {
  for (const [args, words] of [
    [['--client-name=kube-apiserver'], /--client-name needs --client-ca/],
    [['--health-port=http'], /--health-port takes 0 to 65535, not "http"/],
    [['--cert=tls.crt'], /--cert and --key go together/],
    [['--client-ca=nowhere.pem', '--no-cluster', '--port=0'], /nowhere\.pem/],
  ] as const) {
    const { code, complained } = await serve(args)
    t.equal(code, 2, args.join(' '))
    t.match(complained, words)
  }
})
