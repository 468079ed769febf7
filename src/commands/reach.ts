import { writeFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { loadConfig } from '../config/load.ts'
import { fitsGlob } from '../core/glob.ts'
import { snapshotOf } from '../core/snapshot.ts'
import { viewOf } from '../core/view.ts'
import { reachReads } from '../linkerd/reach/reach-ends.ts'
import type { Workload } from '../linkerd/reach/reach-workloads.ts'
import { reachabilityOf } from '../linkerd/reach/reachability.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { loadPaths, stdinName } from '../manifests/load.ts'
import type { Loaded } from '../manifests/loading.ts'
import type { ReachReport } from '../report/reach.ts'
import { formatReachHtml } from '../report/reach-html.ts'
import { formatReachJson } from '../report/reach-json.ts'
import { formatReachMermaid } from '../report/reach-mermaid.ts'
import { formatReachTable } from '../report/reach-table.ts'
import { rules } from '../rules/index.ts'
import { oneOf, readArguments, UsageError } from './arguments.ts'
import { sourceOf } from './examine.ts'
import { readAll, type World } from './world.ts'

const usage = `meshgate reach [PATH…]

Who may reach whom, by the network policies of every dialect: on which application ports, and whether the port
is open on which the mesh really connects. Broken pairs, whose application port is allowed and whose mesh port
is not, come first, each with the line of the policy that breaks it. Without a PATH, the current folder is read.

  --format FORMAT      table (default), json, mermaid or html
  --output FILE        where it goes; - or nothing is standard output
  --from PATTERN       only what these workloads may reach: web, shop/web, shop/*, "Deployment shop/web"
  --to PATTERN         only who may reach these; with --from too, closed pairs are told of as well
  --namespace PATTERN  only pairs of which one end is in such a namespace
  --broken             only pairs that are broken
  --config FILE        configuration; otherwise .meshgate.yaml here or above
  --assume-meshed      Pods whose namespace is not in the input are meshed
  --assume-unmeshed    …are not meshed
  -h, --help

Exit code: 0; 2 usage, or unreadable input. That a pair is broken does not change it: check is for that.
`

/** `meshgate reach`: the picture of who may reach whom. */
export async function reach(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = readArguments(args, {
    format: { type: 'string', default: 'table' },
    output: { type: 'string', default: '-' },
    from: { type: 'string' },
    to: { type: 'string' },
    namespace: { type: 'string' },
    broken: { type: 'boolean', default: false },
    config: { type: 'string' },
    'assume-meshed': { type: 'boolean', default: false },
    'assume-unmeshed': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  const format = oneOf('--format', values.format, ['table', 'json', 'mermaid', 'html'])
  if (values['assume-meshed'] && values['assume-unmeshed'])
    throw new UsageError('--assume-meshed and --assume-unmeshed exclude each other')
  const assumed = values['assume-meshed'] ? 'meshed' : values['assume-unmeshed'] ? 'unmeshed' : undefined
  const config = loadConfig(
    values.config ?? (world.env['MESHGATE_CONFIG'] || undefined),
    world.cwd(),
    rules.map((rule) => rule.id),
  )
  const settings: LinkerdSettings = { ...config.linkerd, ...(assumed && { assume: assumed }) }
  const loaded = await loadPaths(positionals.length > 0 ? positionals : ['.'], { stdin: () => readAll(world.stdin) })
  for (const { file, text } of loaded.notices) world.stderr.write(`meshgate: ${file}: ${text}\n`)
  const view = viewOf(snapshotOf(loaded.resources, 'input'), reachReads, settings, 'declared')
  const found = reachabilityOf(view, {
    from: named(values.from),
    to: named(values.to),
    namespace: (name) => values.namespace === undefined || fitsGlob(values.namespace, name),
    every: values.from !== undefined && values.to !== undefined,
  })
  for (const [option, pattern] of [
    ['--from', values.from],
    ['--to', values.to],
  ] as const)
    if (pattern !== undefined && ![...found.workloads, ...found.onHost].some(named(pattern)))
      throw new UsageError(`${option} ${pattern}: there is no such workload in the input`)

  const report: ReachReport = {
    reach: found,
    links: values.broken ? found.links.filter(({ verdict }) => verdict === 'broken') : found.links,
    placeOf: (resource, path) => {
      const { document, prefix } = sourceOf(loaded, resource)
      return { file: document.file, ...document.place([...prefix, ...path]) }
    },
    failures: loaded.failures,
  }
  const output = values.output === '-' ? undefined : values.output
  const text = render(format, report, output, world)
  if (output === undefined) world.stdout.write(text)
  else writeFile(output, text)
  return isUnreadable(loaded) ? 2 : 0
}

/** A workload is meant by its name, by that with its namespace, or by its kind too. */
function named(pattern: string | undefined): (workload: Workload) => boolean {
  if (pattern === undefined) return () => true
  return ({ name }) => {
    const home = name.slice(name.indexOf(' ') + 1)
    return [name, home, home.slice(home.indexOf('/') + 1)].some((one) => fitsGlob(pattern, one))
  }
}

function isUnreadable({ failures }: Loaded): boolean {
  return failures.length > 0
}

function render(
  format: 'table' | 'json' | 'mermaid' | 'html',
  report: ReachReport,
  output: string | undefined,
  world: World,
): string {
  switch (format) {
    case 'table':
      return formatReachTable(report, (_, text) => text)
    case 'json':
      return formatReachJson(report)
    case 'mermaid':
      return formatReachMermaid(report)
    case 'html': {
      const folder = output === undefined ? world.cwd() : dirname(resolve(world.cwd(), output))
      return formatReachHtml(report, { rules, linkTo: (file) => linkFrom(folder, file, world.cwd()) })
    }
  }
}

/** The way from the page to the file, each part of it encoded: a file may be named `javascript:`. */
function linkFrom(folder: string, file: string, cwd: string): string | undefined {
  if (file === stdinName) return undefined
  const parts = relative(folder, resolve(cwd, file)).split(sep)
  return `./${parts.map(encodeURIComponent).join('/')}`
}

function writeFile(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
