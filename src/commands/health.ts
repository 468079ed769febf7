import { get as getPlain } from 'node:http'
import { get as getSecure } from 'node:https'
import { text } from 'node:stream/consumers'
import { readArguments, UsageError } from './arguments.ts'
import type { World } from './world.ts'

const usage = `meshgate health [URL]

Asks a running webhook whether it is alive, prints what it says and exits with 0 for yes, 1 for no: a health check for
images without a shell. URL is https://127.0.0.1:8443/livez unless given; ask /readyz?verbose for the whole story.
Whose certificate answers is not looked at.
`

const patienceMs = 4000

/** `meshgate health`: 0 where the webhook answers with 200, 1 where it answers otherwise or not at all. */
export async function health(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = readArguments(args, { help: { type: 'boolean', short: 'h', default: false } })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  const [address = 'https://127.0.0.1:8443/livez', ...more] = positionals
  if (more.length > 0) throw new UsageError('health takes one URL')
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw new UsageError(`health takes a URL such as https://127.0.0.1:8443/livez, not ${JSON.stringify(address)}`)
  try {
    const { status, body } = await ask(url)
    world.stdout.write(`${body.trimEnd()}\n`)
    return status === 200 ? 0 : 1
  } catch (error) {
    world.stderr.write(`meshgate: ${url.href}: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

function ask(url: URL): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { agent: false, signal: AbortSignal.timeout(patienceMs) } as const
    const request =
      url.protocol === 'http:' ? getPlain(url, options) : getSecure(url, { ...options, rejectUnauthorized: false })
    request.on('error', reject)
    request.on('response', (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject)
    })
  })
}
