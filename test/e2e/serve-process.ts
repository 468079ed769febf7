import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ended, isRunning } from './processes.ts'
import { sumOf } from './samples.ts'

/** `meshgate serve` as a process of its own, as it runs in a Pod. */
export interface ServeProcess {
  readonly name: string
  /** Where it serves; 0 until it does. */
  port(): number
  /** `http://…` of its health port; empty until there is one. */
  health(): string
  /** What it wrote so far. */
  output(): string
  /** What it logged: the messages of all lines. */
  readonly log: readonly string[]
  isReady(): Promise<boolean>
  /** From the health port; empty while there is none. */
  get(path: string): Promise<string>
  /** The sum of all samples of a metric whose labels contain this text. */
  metric(name: string, labels?: string): Promise<number>
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void
  isAlive(): boolean
  /** Resolves when it has ended: to its exit code, or to the signal that ended it. */
  readonly ended: Promise<number | string>
}

export interface ServeOptions {
  /** Of its Pod. */
  readonly name: string
  /** Of options that are given twice, the last counts: these count more than where it serves otherwise, any port of loopback. */
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Told of each message of its log at once. */
  readonly onLog?: ((replica: ServeProcess, message: string) => void) | undefined
}

/** Those of the image. */
const nodeArgs = ['--max-semi-space-size=8', '--disable-proto=delete', join(import.meta.dirname, '../../src/cli.ts')]
const somewhere = ['--host=127.0.0.1', '--port=0', '--health-port=0', '--drain=0']

export function startServe({ name, args, env = {}, onLog = () => {} }: ServeOptions): ServeProcess {
  const child = spawn(process.execPath, [...nodeArgs, 'serve', ...somewhere, ...args], {
    env: { PATH: process.env['PATH'], POD_NAMESPACE: 'meshgate', POD_NAME: name, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  let output = ''
  let port = 0
  let health = ''
  const get = async (path: string) => {
    if (health === '') return ''
    const response = await fetch(`${health}${path}`, { headers: { connection: 'close' } })
    return response.text()
  }
  const replica: ServeProcess = {
    name,
    port: () => port,
    health: () => health,
    output: () => output,
    log,
    get,
    isReady: async () => (await get('/readyz').catch(() => '')) === 'ok\n',
    metric: async (metric, labels) => sumOf(await get('/metrics'), metric, labels),
    kill: (signal) => void child.kill(signal),
    isAlive: () => isRunning(child),
    ended: ended(child),
  }
  const follow = (stream: NodeJS.ReadableStream, take: (line: string) => void) =>
    createInterface({ input: stream }).on('line', (line) => {
      output += `${line}\n`
      take(line)
    })
  follow(child.stdout, (line) => {
    port ||= Number(/serves https:\S+:(\d+)$/.exec(line)?.[1] ?? 0)
    health ||= /health at (\S+)$/.exec(line)?.[1] ?? ''
  })
  follow(child.stderr, (line) => {
    const message = messageIn(line)
    log.push(message)
    onLog(replica, message)
  })
  return replica
}

function messageIn(line: string): string {
  try {
    return String(JSON.parse(line).msg)
  } catch {
    return line
  }
}
