#!/usr/bin/env node
import { version } from './version.ts'

/** Each command is loaded when it is asked for: `--version` must not wait for a YAML parser or a web server. */
const commands = {
  check: async () => (await import('./commands/check.ts')).check,
  serve: async () => (await import('./commands/serve.ts')).serve,
  rules: async () => (await import('./commands/rules.ts')).rules,
  protocols: async () => (await import('./commands/protocols.ts')).protocols,
  reach: async () => (await import('./commands/reach.ts')).reach,
  explain: async () => (await import('./commands/explain.ts')).explain,
  health: async () => (await import('./commands/health.ts')).health,
}

const usage = `meshgate ${version}: stops Linkerd misconfigurations before they reach a cluster

  meshgate check PATH…       judge manifests: files, directories, globs, - for standard input
  meshgate serve             run the admission webhook
  meshgate rules             list every rule
  meshgate protocols         list every protocol it knows, and who speaks first
  meshgate reach [PATH…]     who may reach whom, as a table, JSON, Mermaid or a page with a picture
  meshgate explain RULE      what a rule means, why it matters, what to do
  meshgate explain --port SERVICE:PORT [PATH…]
                             what each side knows of a port, and what connections to it experience
  meshgate health            ask a running webhook whether it is alive
  meshgate COMMAND --help    the options of a command
  meshgate --version
`

/** Runs one command line. Answers the exit code: 0 fine, 1 findings, 2 usage, unreadable input or our own fault. */
async function run(argv: readonly string[]): Promise<number> {
  const [name = '', ...args] = argv
  if (name === '--version' || name === '-V') return write(`${version}\n`)
  if (name === '--help' || name === '-h' || name === 'help') return write(usage)
  if (!(name in commands) || !Object.hasOwn(commands, name)) {
    process.stderr.write(name === '' ? usage : `meshgate: there is no command ${JSON.stringify(name)}\n\n${usage}`)
    return 2
  }
  if (!isRecent(process.version)) {
    process.stderr.write(`meshgate: needs Node ${oldestNode} or later; this is ${process.version}\n`)
    return 2
  }
  const command = await commands[name as keyof typeof commands]()
  return command(args, process)
}

/** As in package.json: on an older one a command would end in the middle, by what that Node does not know. */
const oldestNode = '22.19'

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
  const [least = 0, leastMinor = 0] = oldestNode.split('.').map(Number)
  return major > least || (major === least && minor >= leastMinor)
}

function write(text: string): number {
  process.stdout.write(text)
  return 0
}

// The reader of a pipe may leave early (`meshgate check … | head`): that is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
  throw error
})

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  const expected = error instanceof Error && error.name === 'UsageError'
  process.stderr.write(`meshgate: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 2
}
